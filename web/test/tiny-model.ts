// The manifest and catalogue of a two-item model, as the compressor writes them.

import { createHash } from 'node:crypto';

export const SHARD = new TextEncoder().encode('the bytes of a shard');

export const CATALOG = {
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

export function tinyManifest() {
  const catalog = JSON.stringify(CATALOG);
  return {
    format: 1,
    name: 'tiny',
    version: sha256Hex('version'),
    files: [
      { path: 'model-00001-of-00001.safetensors', bytes: SHARD.length, sha256: sha256Hex(SHARD) },
      { path: 'catalog.json', bytes: Buffer.byteLength(catalog), sha256: sha256Hex(catalog) },
    ],
    model: { parameters: 500, linear_parameters: 400, layers: 1, model_dim: 8, items: 2 },
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
