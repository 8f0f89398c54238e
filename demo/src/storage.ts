// What lies on the device for this site, asked of the browser's own stores.

import { modelCache } from 'halfling';

import { MODEL_KEYS, MODEL_NAMES } from './models';

export interface StoredFiles {
  readonly models: readonly { readonly name: string; readonly bytes: number }[];
  /** What the service worker keeps. */
  readonly shop: { readonly files: number; readonly bytes: number };
}

/** What Firefox before 126 has of them. */
const UNLISTED = 'databases, if any: this browser does not list them';

/** Sizes of what Workbox keeps for this shop; none where it keeps nothing. */
async function measureShop(): Promise<number[]> {
  const registration = await navigator.serviceWorker?.getRegistration();
  const name = `workbox-precache-v2-${registration?.scope}`;
  if (!(await caches.has(name))) return [];
  const responses = await (await caches.open(name)).matchAll();
  return Promise.all(responses.map(async (response) => (await response.blob()).size));
}

/** Reads every file: not to be asked often. */
export async function readFiles(): Promise<StoredFiles> {
  const [models, sizes] = await Promise.all([modelCache.list(), measureShop()]);
  return {
    models: models.map(({ model, bytes }) => {
      const key = MODEL_KEYS.find((one) => model.includes(`-${one}/`));
      const of = model.includes('-smollm2-') ? 'language model' : 'model';
      return { name: key ? `${MODEL_NAMES[key]} ${of}` : model, bytes };
    }),
    shop: { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) },
  };
}

/** Databases and keys that hold something about the visitor. */
export async function readPersonal(): Promise<string[]> {
  const databases = await indexedDB.databases?.();
  return [
    ...(databases?.map(({ name = '' }) => `database “${name}”`) ?? [UNLISTED]),
    ...Object.keys(localStorage).map((key) => `local storage “${key}”`),
  ];
}
