// Serves what the benchmark's page needs, cross-origin isolated, so that it may have threads.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';

import { ISOLATION } from '../lib/isolation.mjs';

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};
const PAGE = `<!doctype html><meta charset="utf-8"><title>benchmark</title>
<link rel="icon" href="data:,"><script type="module" src="/bench/bench.mjs"></script>`;
const HEADERS = { ...ISOLATION, 'cache-control': 'no-store' };

/**
 * @param {Record<string, string>} folders what each path prefix shows
 * @returns {Promise<{url: string, stop: () => Promise<void>}>}
 */
export async function startSite(folders) {
  const server = createServer((request, response) => {
    void answer(folders, new URL(request.url ?? '/', 'http://localhost'), response);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, stop };
}

async function answer(folders, url, response) {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  const send = (type, body) => response.setHeader('content-type', type).end(body);
  if (url.pathname === '/') return send('text/html', PAGE);
  if (url.pathname === '/probed.mjs') return send('text/javascript', probed(url));
  const file = fileOf(folders, url.pathname);
  const information = file && (await stat(file).catch(() => undefined));
  if (!information?.isFile()) return response.writeHead(404).end('not found');
  response.setHeader('content-type', TYPES[path.extname(file)] ?? 'application/octet-stream');
  response.setHeader('content-length', information.size);
  return createReadStream(file).pipe(response);
}

/** A worker's script with page/probe.mjs before it. */
function probed(url) {
  const script = new URL(url.searchParams.get('script') ?? '', url);
  return `import '/bench/probe.mjs';\nimport ${JSON.stringify(script.pathname)};`;
}

function fileOf(folders, pathname) {
  const prefix = Object.keys(folders).find((start) => pathname.startsWith(start));
  if (!prefix || pathname.includes('..')) return undefined;
  return path.join(folders[prefix], pathname.slice(prefix.length));
}
