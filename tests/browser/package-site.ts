// Serves the built package, unbundled, and the models, under a strict Content-Security-Policy. A test
// can replace any answer.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>package test</title>
<link rel="icon" href="data:,"><script type="module" src="/page.js"></script>`;
const PAGE_SCRIPT = `import * as halfling from '/dist/index.js';
globalThis.halfling = halfling;`;

export interface Answer {
  readonly body: string | Uint8Array;
  readonly type: string;
}

export class PackageSite {
  readonly #folders: Readonly<Record<string, string>>;
  readonly #server: Server;
  #replaced = new Map<string, Answer>();

  private constructor(rootDir: string) {
    this.#folders = {
      '/dist/': join(rootDir, 'web/dist'),
      '/models/': join(rootDir, 'build/models'),
    };
    this.#server = createServer((request, response) => {
      void this.#answer(new URL(request.url ?? '/', 'http://localhost').pathname, response);
    });
  }

  static async start(rootDir: string): Promise<PackageSite> {
    const site = new PackageSite(rootDir);
    await new Promise<void>((ready) => site.#server.listen(0, '127.0.0.1', ready));
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  replace(path: string, answer: Answer): void {
    this.#replaced.set(path, answer);
  }

  /** Forgets all replaced answers. */
  reset(): void {
    this.#replaced = new Map();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  /** The file that `path` is answered with if it is not replaced. */
  fileOf(path: string): string | undefined {
    const prefix = Object.keys(this.#folders).find((start) => path.startsWith(start));
    if (!prefix || path.includes('..')) return undefined;
    return join(this.#folders[prefix] as string, path.slice(prefix.length));
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('cache-control', 'no-store');
    const fixed: Answer | undefined =
      this.#replaced.get(path) ??
      (path === '/' ? { body: PAGE, type: 'text/html' } : undefined) ??
      (path === '/page.js' ? { body: PAGE_SCRIPT, type: 'text/javascript' } : undefined);
    if (fixed) {
      response.setHeader('content-type', fixed.type);
      response.end(fixed.body);
      return;
    }
    const file = this.fileOf(path);
    if (!file || !(await stat(file).catch(() => undefined))?.isFile()) {
      response.writeHead(404).end('not found');
      return;
    }
    response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
    createReadStream(file).pipe(response);
  }
}
