// One model on the device; ../stored-models.ts has the layout. Whatever is read is verified.

import { cacheName, fileKey, manifestKey } from '../stored-models.js';
import { sha256, type FetchedFile } from './download.js';
import type { ModelFile } from './manifest.js';

export class ModelStore {
  readonly #manifestUrl: string;
  readonly #manifestKey: string;
  readonly #cache: Cache;

  private constructor(manifestUrl: string, cache: Cache) {
    this.#manifestUrl = manifestUrl;
    this.#manifestKey = manifestKey(manifestUrl);
    this.#cache = cache;
  }

  /** Rejects where the browser has no Cache API, or refuses it. */
  static async open(manifestUrl: string): Promise<ModelStore> {
    if (!globalThis.caches) throw new Error('there is no Cache API here');
    return new ModelStore(manifestUrl, await caches.open(cacheName(manifestUrl)));
  }

  /** The text of the manifest of a model that is here as a whole. */
  async readManifest(): Promise<string | undefined> {
    return (await this.#cache.match(this.#manifestKey))?.text();
  }

  async has(file: ModelFile): Promise<boolean> {
    return (await this.#cache.match(this.#keyOf(file))) !== undefined;
  }

  /** undefined for a file that is not here, or not as it was. */
  async read(file: ModelFile): Promise<FetchedFile | undefined> {
    const response = await this.#cache.match(this.#keyOf(file));
    if (!response) return undefined;
    const bytes = new Uint8Array(await response.arrayBuffer());
    if ((await sha256(bytes)) !== file.sha256) return undefined;
    return { bytes, lastModified: response.headers.get('last-modified') };
  }

  /** Rejects when the quota is used up. */
  async write(file: ModelFile, { bytes, lastModified }: FetchedFile): Promise<void> {
    const headers = new Headers({ 'content-type': 'application/octet-stream' });
    if (lastModified) headers.set('last-modified', lastModified);
    await this.#cache.put(this.#keyOf(file), new Response(bytes, { headers }));
  }

  /** Makes these files the model, now that all of them are here, and deletes older ones. */
  async commit(manifest: string, files: readonly ModelFile[]): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    await this.#cache.put(this.#manifestKey, new Response(manifest, { headers }));
    await this.keepOnly(files);
  }

  /** Deletes all other files; the manifest stays. */
  async keepOnly(files: readonly ModelFile[]): Promise<void> {
    const kept = new Set([this.#manifestKey, ...files.map((file) => this.#keyOf(file))]);
    for (const { url } of await this.#cache.keys()) {
      if (!kept.has(url)) await this.#cache.delete(url);
    }
  }

  #keyOf(file: ModelFile): string {
    return fileKey(this.#manifestUrl, file);
  }
}
