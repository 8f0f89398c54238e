// Serves the built package, unbundled, and the models, under a strict Content-Security-Policy. A test
// can replace any answer.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';

import { ISOLATION } from '../../scripts/lib/isolation.mjs';

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self'; style-src 'self'";

/** @type {Readonly<Record<string, string>>} */
const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>package test</title>
<link rel="icon" href="/icon"><script type="module" src="/page.js"></script>`;
const PAGE_SCRIPT = `import * as halfling from '/dist/index.js';
import '/dist/element.js';
globalThis.halfling = halfling;`;

// Keeps what the page and the package's scripts are, as a site's own service worker would. The model
// is the package's to keep.
const SERVICE_WORKER = `
self.addEventListener('install', (event) => {
  const shell = ['/', '/page.js', '/icon', '/dist/index.js', '/dist/element.js', '/dist/worker.js',
    '/dist/halfling.wasm', '/dist/halfling-relaxed.wasm', '/dist/worker-threads.js',
    '/dist/halfling-relaxed-threads.wasm'];
  event.waitUntil(caches.open('shell').then((cache) => cache.addAll(shell)));
});
self.addEventListener('fetch', (event) => {
  if (event.request.url.includes('/models/')) return;
  event.respondWith(caches.match(event.request).then((found) => found ?? fetch(event.request)));
});`;

/**
 * @typedef {object} Answer
 * @property {string | Uint8Array} body
 * @property {string} type
 * @property {number} [status] of HTTP, 200 by default
 * @property {number} [breakAfter] close the connection after this many bytes
 * @property {Promise<unknown>} [after] answer when this has resolved
 */

/** @type {ReadonlyMap<string, Answer>} */
const OWN = new Map([
  ['/', { body: PAGE, type: 'text/html' }],
  ['/page.js', { body: PAGE_SCRIPT, type: 'text/javascript' }],
  ['/sw.js', { body: SERVICE_WORKER, type: 'text/javascript' }],
  ['/favicon.ico', { body: '', type: 'image/png' }],
  ['/icon', { body: '', type: 'image/png' }],
]);

export class PackageSite {
  /** @type {Readonly<Record<string, string>>} */
  #folders;
  /** @type {Map<string, Answer>} */
  #replaced = new Map();
  /** @type {Map<string, string>} */
  #mounted = new Map();
  /** Of every answer; undefined for none. @type {string | undefined} */
  policy = POLICY;
  /** Whether its pages are cross-origin isolated. */
  isolated = false;
  /** Paths in the order in which they were asked for. @type {string[]} */
  requests = [];
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

  /**
   * Shows `folder` at `prefix`, over what is there.
   * @param {string} prefix begins and ends with a slash
   * @param {string} folder
   */
  mount(prefix, folder) {
    this.#mounted.set(prefix, folder);
  }

  /** Forgets all replaced answers, mounted folders, requests, another policy and isolation. */
  reset() {
    this.#replaced.clear();
    this.#mounted.clear();
    this.policy = POLICY;
    this.isolated = false;
    this.requests.length = 0;
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
    const folders = [...this.#mounted, ...Object.entries(this.#folders)];
    const [prefix, folder] = folders.find(([start]) => path.startsWith(start)) ?? [];
    if (!folder || !prefix || path.includes('..')) return undefined;
    return join(folder, path.slice(prefix.length));
  }

  /**
   * @param {string} path
   * @param {import('node:http').ServerResponse} response
   */
  async #answer(path, response) {
    this.requests.push(path);
    if (this.policy) response.setHeader('content-security-policy', this.policy);
    for (const [name, value] of Object.entries(this.isolated ? ISOLATION : {})) {
      response.setHeader(name, value);
    }
    response.setHeader('cache-control', 'no-store');
    const fixed = this.#replaced.get(path) ?? OWN.get(path);
    await fixed?.after;
    if (fixed) {
      const body = Buffer.from(fixed.body);
      response.writeHead(fixed.status ?? 200, {
        'content-type': fixed.type,
        'content-length': body.length,
      });
      if (fixed.breakAfter === undefined) response.end(body);
      else response.write(body.subarray(0, fixed.breakAfter), () => response.destroy());
      return;
    }
    const file = this.fileOf(path);
    const found = file && (await stat(file).catch(() => undefined));
    if (!file || !found || !found.isFile()) {
      response.writeHead(404).end('not found');
      return;
    }
    response.setHeader('last-modified', found.mtime.toUTCString());
    response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
    createReadStream(file).pipe(response);
  }
}
