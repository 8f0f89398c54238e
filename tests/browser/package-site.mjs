// Serves the built package, unbundled, and the models, under a strict Content-Security-Policy. A test
// can replace any answer.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self'";

/** @type {Readonly<Record<string, string>>} */
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>package test</title>
<link rel="icon" href="/icon"><script type="module" src="/page.js"></script>`;
const PAGE_SCRIPT = `import * as halfling from '/dist/index.js';
globalThis.halfling = halfling;`;

/** @typedef {{ readonly body: string | Uint8Array, readonly type: string }} Answer */

/** @type {ReadonlyMap<string, Answer>} */
const OWN = new Map([
  ['/', { body: PAGE, type: 'text/html' }],
  ['/page.js', { body: PAGE_SCRIPT, type: 'text/javascript' }],
  ['/icon', { body: '', type: 'image/png' }],
]);

export class PackageSite {
  /** @type {Readonly<Record<string, string>>} */
  #folders;
  /** @type {Map<string, Answer>} */
  #replaced = new Map();
  #server;

  /**
   * @param {string} rootDir of the repository
   * @param {string} modelsDir what /models/ shows
   */
  constructor(rootDir, modelsDir = join(rootDir, 'build/models')) {
    this.#folders = {
      '/dist/': join(rootDir, 'web/dist'),
      '/models/': modelsDir,
    };
    this.#server = createServer((request, response) => {
      void this.#answer(new URL(request.url ?? '/', 'http://localhost').pathname, response);
    });
  }

  /**
   * @param {string} rootDir of the repository
   * @param {string} [modelsDir] what /models/ shows; by default build/models
   */
  static async start(rootDir, modelsDir) {
    const site = new PackageSite(rootDir, modelsDir);
    await /** @type {Promise<void>} */ (
      new Promise((ready) => site.#server.listen(0, '127.0.0.1', ready))
    );
    return site;
  }

  /** Address of a page whose global `halfling` is the package. */
  get url() {
    const address = this.#server.address();
    if (typeof address !== 'object' || !address) throw new Error('the server is not listening');
    return `http://127.0.0.1:${address.port}/`;
  }

  /**
   * @param {string} path
   * @param {Answer} answer
   */
  replace(path, answer) {
    this.#replaced.set(path, answer);
  }

  /** Forgets all replaced answers. */
  reset() {
    this.#replaced.clear();
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  /**
   * The file that `path` is answered with if it is not replaced.
   * @param {string} path
   */
  fileOf(path) {
    const prefix = Object.keys(this.#folders).find((start) => path.startsWith(start));
    const folder = prefix && this.#folders[prefix];
    if (!folder || path.includes('..')) return undefined;
    return join(folder, path.slice(prefix.length));
  }

  /**
   * @param {string} path
   * @param {import('node:http').ServerResponse} response
   */
  async #answer(path, response) {
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('cache-control', 'no-store');
    const fixed = this.#replaced.get(path) ?? OWN.get(path);
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
