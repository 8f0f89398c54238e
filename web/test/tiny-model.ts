// A two-item model as the compressor writes it, and versions of it with other items.

import { createHash } from 'node:crypto';

import type { FileServer } from './file-server.js';

export const SHARD = new TextEncoder().encode('the bytes of a shard');

interface TinyCatalog {
  readonly format: 1;
  readonly items: readonly { id: string; title?: string; category?: string; popularity: number }[];
}

export const CATALOG: TinyCatalog = {
  format: 1,
  items: [
    { id: 'a', title: 'First, The (1990)', category: 'Comedy', popularity: 12 },
    { id: 'b', popularity: 3 },
  ],
};

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function interval(mean: number) {
  return { mean, low: mean - 0.01, high: mean + 0.01 };
}

export function tinyManifest(version = 'version', { format, items } = CATALOG) {
  const catalog = JSON.stringify({ format, items });
  return {
    format: 1,
    name: 'tiny',
    version: sha256Hex(version),
    files: [
      { path: 'model-00001-of-00001.safetensors', bytes: SHARD.length, sha256: sha256Hex(SHARD) },
      { path: 'catalog.json', bytes: Buffer.byteLength(catalog), sha256: sha256Hex(catalog) },
    ],
    model: {
      parameters: 500,
      linear_parameters: 400,
      layers: 1,
      model_dim: 8,
      items: items.length,
    },
    compression: {
      method: 'od-llm',
      keep: 0.5,
      dtype: 'f16',
      seed: 1,
      calibration_users: 10,
      seconds: 0.5,
    },
    metrics: {
      split: 'test',
      users: 10,
      beam: 20,
      before: { 'hr@10': interval(0.2), 'ndcg@10': interval(0.1) },
      after: { 'hr@10': interval(0.21), 'ndcg@10': interval(0.11) },
      'ndcg@10_relative_change': interval(0.1),
    },
  };
}

/** Makes the model, or a version of it with these items, what `server` has; returns its address. */
export function serveTinyModel(server: FileServer, version?: string, ids?: string[]): string {
  const items = ids?.map((id, i) => ({ id, popularity: ids.length - i })) ?? CATALOG.items;
  const catalog: TinyCatalog = { format: 1, items };
  server.put('/model/catalog.json', { body: JSON.stringify(catalog) });
  server.put('/model/model-00001-of-00001.safetensors', { body: SHARD });
  const body = JSON.stringify(tinyManifest(version, catalog));
  return server.put('/model/manifest.json', { body });
}
