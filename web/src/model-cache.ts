// The models that this site has stored on the device, for a settings page or a test.

import { resolveManifestUrl } from './addresses.js';
import { cacheName, manifestKey, manifestUrlOf } from './stored-models.js';

export interface StoredModel {
  /** Address of its manifest. */
  readonly model: string;
  /** Content hash; absent while the download is not complete. */
  readonly version?: string;
  /** What is stored, the manifest included. */
  readonly bytes: number;
}

async function describe(model: string): Promise<StoredModel> {
  const cache = await caches.open(cacheName(model));
  const responses = await cache.matchAll();
  const sizes = await Promise.all(responses.map(async (one) => (await one.blob()).size));
  const manifest = await (await cache.match(manifestKey(model)))?.json();
  return {
    model,
    ...(manifest && { version: manifest.version as string }),
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}

/** Loaded recommenders go on when their model is deleted here. */
export const modelCache = {
  async list(): Promise<StoredModel[]> {
    const names = (await globalThis.caches?.keys()) ?? [];
    return Promise.all(names.flatMap((name) => manifestUrlOf(name) ?? []).map(describe));
  },

  /** Takes what createRecommender's `model` takes. Resolves to whether there was such a model. */
  async delete(model: string | URL): Promise<boolean> {
    return (await globalThis.caches?.delete(cacheName(resolveManifestUrl(model)))) ?? false;
  },

  async clear(): Promise<void> {
    for (const { model } of await this.list()) await this.delete(model);
  },
};
