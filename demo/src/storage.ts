// What lies on the device for this site, asked of the browser's own stores.

import { modelCache } from 'halfling';

import { MODEL_KEYS, MODEL_NAMES } from './models';

export interface StoredThings {
  readonly models: readonly { readonly name: string; readonly bytes: number }[];
  /** What the service worker keeps. */
  readonly shop: { readonly files: number; readonly bytes: number };
  /** Databases and keys that hold something about the visitor. */
  readonly personal: readonly string[];
}

/** What Firefox before 126 has of them. */
const UNLISTED = 'databases, if any: this browser does not list them';

async function measureCache(name: string): Promise<number[]> {
  const responses = await (await caches.open(name)).matchAll();
  return Promise.all(responses.map(async (response) => (await response.blob()).size));
}

export async function readStorage(): Promise<StoredThings> {
  const names = await caches.keys();
  const shop = names.filter((name) => name.startsWith('workbox-'));
  const [models, sizes, databases] = await Promise.all([
    modelCache.list(),
    Promise.all(shop.map(measureCache)).then((all) => all.flat()),
    indexedDB.databases?.(),
  ]);
  return {
    models: models.map(({ model, bytes }) => {
      const key = MODEL_KEYS.find((one) => model.includes(`-${one}/`));
      const of = model.includes('-smollm2-') ? 'language model' : 'model';
      return { name: key ? `${MODEL_NAMES[key]} ${of}` : model, bytes };
    }),
    shop: { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) },
    personal: [
      ...(databases?.map(({ name = '' }) => `database “${name}”`) ?? [UNLISTED]),
      ...Object.keys(localStorage).map((key) => `local storage “${key}”`),
    ],
  };
}
