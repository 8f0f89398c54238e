// What a page must download before any model: the engine's WebAssembly and its scripts.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { FOLDERS } from './prepare.mjs';

const ORT = '/npm/onnxruntime-web/dist';
const WLLAMA = '/npm/@wllama/wllama/esm';
const DOWNLOADS = {
  halfling: {
    wasm: ['/dist/halfling-relaxed.wasm'],
    js: ['/dist/index.js', '/dist/worker.js'],
  },
  'halfling, with threads': {
    wasm: ['/dist/halfling-relaxed-threads.wasm'],
    js: ['/dist/index.js', '/dist/worker-threads.js'],
  },
  'onnxruntime-web': {
    wasm: [`${ORT}/ort-wasm-simd-threaded.wasm`],
    js: [`${ORT}/ort.wasm.bundle.min.mjs`],
  },
  wllama: { wasm: [`${WLLAMA}/wasm/wllama.wasm`], js: [`${WLLAMA}/index.min.js`] },
};

/** @returns {Promise<object[]>} bytes, raw and compressed, of each engine's files */
export async function measureDownloads(engines) {
  const chosen = Object.entries(DOWNLOADS).filter(([name]) => engines.includes(name.split(',')[0]));
  return Promise.all(
    chosen.map(async ([engine, { wasm, js }]) => {
      return { engine, files: [...wasm, ...js], wasm: await sizes(wasm), js: await sizes(js) };
    }),
  );
}

async function sizes(addresses) {
  const total = { raw: 0, gzip: 0 };
  for (const address of addresses) {
    const prefix = Object.keys(FOLDERS).find((start) => address.startsWith(start));
    const file = path.join(FOLDERS[prefix], address.slice(prefix.length));
    const bytes = await readFile(file);
    total.raw += bytes.length;
    total.gzip += gzipSync(bytes, { level: 9 }).length;
  }
  return total;
}
