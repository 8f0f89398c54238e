// Brings a model into an engine: from the device where it is stored, from the network otherwise.

import { HalflingError, toFailure, type Failure, type HalflingErrorCode } from '../errors.js';
import type { Report } from '../protocol.js';
import type { CatalogItem } from '../types.js';
import { fetchVerified, mimeType, open, readAll, type FetchedFile } from './download.js';
import { parseCatalog, parseManifest, type Manifest, type ModelFile } from './manifest.js';
import { ModelStore } from './model-store.js';

const PARALLEL_SHARDS = 3;

export interface ManifestText {
  readonly text: string;
  readonly manifest: Manifest;
}

export interface ModelContent {
  readonly manifest: Manifest;
  readonly items: readonly CatalogItem[];
  readonly popularityDate: string | undefined;
}

/** Turns bytes as they arrive into progress, at most a hundred reports and one at the end. */
class ProgressMeter {
  #loaded = 0;
  #reported = 0;

  constructor(
    readonly total: number,
    readonly report: Report,
  ) {}

  add(bytes: number): void {
    this.#loaded += bytes;
    if (Math.abs(this.#loaded - this.#reported) * 100 < this.total) return;
    this.#reported = this.#loaded;
    void this.report({ loadedBytes: this.#loaded, totalBytes: this.total });
  }

  async finish(): Promise<void> {
    await this.report({ loadedBytes: this.total, totalBytes: this.total });
  }
}

async function fetchManifest(url: string): Promise<ManifestText> {
  // Always asked anew (a 304 is cheap): a stale manifest would contradict the files beside it.
  const response = await open(url, { cache: 'no-cache' });
  const text = await readAll(response, (body) => body.text());
  try {
    return { text, manifest: parseManifest(text, url) };
  } catch (error) {
    if (mimeType(response) !== 'text/html') throw error;
    throw new HalflingError(
      'malformed-json',
      `${url} answers with text/html instead of a manifest.json: \`model\` must be the address of a model directory.`,
    );
  }
}

function filesOf({ catalog, shards }: Manifest): ModelFile[] {
  return [catalog, ...shards];
}

function toDate(catalogDate: string | undefined, lastModified: string | null): string | undefined {
  const date = catalogDate ?? (lastModified === null ? NaN : Date.parse(lastModified));
  if (typeof date === 'string') return date;
  return Number.isNaN(date) ? undefined : new Date(date).toISOString();
}

export class ModelLoader {
  readonly #manifestUrl: string;
  readonly #offlineOnly: boolean;
  /** undefined: the model is in memory alone. */
  #store: ModelStore | undefined;
  readonly #warnings = new Map<HalflingErrorCode, Failure>();

  private constructor(manifestUrl: string, offlineOnly: boolean) {
    this.#manifestUrl = manifestUrl;
    this.#offlineOnly = offlineOnly;
  }

  static async create(
    manifestUrl: string,
    options: { readonly cache: boolean; readonly offlineOnly: boolean },
  ): Promise<ModelLoader> {
    const loader = new ModelLoader(manifestUrl, options.offlineOnly);
    if (options.cache || options.offlineOnly) {
      loader.#store = await ModelStore.open(manifestUrl).catch((error: unknown) =>
        loader.#giveUpStoring(error),
      );
    }
    return loader;
  }

  warn(code: HalflingErrorCode, message: string): void {
    this.#warnings.set(code, toFailure(new HalflingError(code, message)));
  }

  /** What is not as it was to be; said once. */
  takeWarnings(): Failure[] {
    const warnings = [...this.#warnings.values()];
    this.#warnings.clear();
    return warnings;
  }

  /**
   * The server's manifest; if that cannot be had, the stored one. Throws 'not-stored' when offlineOnly
   * and none is stored, else errors of the network and of parseManifest.
   */
  async chooseManifest(): Promise<ManifestText> {
    const stored = await this.readStoredManifest();
    if (this.#offlineOnly) return stored ?? this.#refuse('it was never loaded as a whole');
    try {
      return await fetchManifest(this.#manifestUrl);
    } catch (error) {
      if (!stored) throw error;
      return stored;
    }
  }

  /** Of the whole model that the device has. */
  async readStoredManifest(): Promise<ManifestText | undefined> {
    try {
      const text = await this.#store?.readManifest();
      return text === undefined
        ? undefined
        : { text, manifest: parseManifest(text, this.#manifestUrl) };
    } catch {
      return undefined; // of a later release of this package, or damaged: it is overwritten
    }
  }

  /** As the server has it now; with offlineOnly as the device has it, perhaps from another tab. */
  newestManifest(): Promise<ManifestText> {
    return this.#offlineOnly ? this.chooseManifest() : fetchManifest(this.#manifestUrl);
  }

  /**
   * Hands every shard to `addShard`, a few at a time, each as soon as it is verified and stored.
   * Where something must be downloaded, only one tab does so; the others wait and then read.
   */
  async load(
    manifest: Manifest,
    addShard: (path: string, bytes: Uint8Array) => void,
    onProgress: Report,
  ): Promise<ModelContent> {
    const loadAll = () => this.#loadAll(manifest, addShard, onProgress);
    const isWhole = this.#offlineOnly || !this.#store || (await this.#hasAll(manifest));
    if (isWhole) return loadAll();
    return navigator.locks.request(`halfling-model ${this.#manifestUrl}`, loadAll);
  }

  /** Makes a loaded model the stored one and deletes older ones. Resolves to whether it is stored. */
  async commit({ text, manifest }: ManifestText): Promise<boolean> {
    await this.#tryToStore(async (store) => {
      if ((await store.readManifest()) === text) return;
      await store.commit(text, filesOf(manifest));
    });
    return this.#store !== undefined;
  }

  async #loadAll(
    manifest: Manifest,
    addShard: (path: string, bytes: Uint8Array) => void,
    onProgress: Report,
  ): Promise<ModelContent> {
    const meter = new ProgressMeter(manifest.totalBytes, onProgress);
    const stop = new AbortController();
    const loadFile = (file: ModelFile) => this.#loadFile(file, meter, stop.signal);
    const loadCatalog = async () => {
      const { bytes, lastModified } = await loadFile(manifest.catalog);
      const text = new TextDecoder().decode(bytes);
      const { items, popularityDate } = parseCatalog(
        text,
        this.#urlOf(manifest.catalog),
        manifest.items,
      );
      return { items, popularityDate: toDate(popularityDate, lastModified) };
    };
    const queue = manifest.shards.values();
    const loadShards = async () => {
      for (const shard of queue) addShard(shard.path, (await loadFile(shard)).bytes);
    };
    const catalog = loadCatalog();
    const work = [catalog, ...Array.from({ length: PARALLEL_SHARDS }, loadShards)];
    try {
      await Promise.all(work);
    } catch (error) {
      // Behind a failure nothing goes on: the engine is deleted, and the worker may live on.
      stop.abort();
      await Promise.allSettled(work);
      throw error;
    }
    await meter.finish();
    return { manifest, ...(await catalog) };
  }

  async #loadFile(
    file: ModelFile,
    meter: ProgressMeter,
    signal: AbortSignal,
  ): Promise<FetchedFile> {
    const stored = await this.#store?.read(file);
    if (stored) {
      meter.add(file.bytes);
      return stored;
    }
    if (this.#offlineOnly) return this.#refuse(`${file.path} is missing or damaged`);
    const onPiece = (bytes: number) => meter.add(bytes);
    const fetched = await fetchVerified(this.#urlOf(file), file, onPiece, signal);
    await this.#tryToStore((store) => store.write(file, fetched));
    return fetched;
  }

  async #hasAll(manifest: Manifest): Promise<boolean> {
    const found = await Promise.all(filesOf(manifest).map((file) => this.#store?.has(file)));
    return found.every(Boolean);
  }

  /** After a first failure nothing more is stored, and what there was of an older version stays. */
  async #tryToStore(write: (store: ModelStore) => Promise<void>): Promise<void> {
    const store = this.#store;
    if (!store) return;
    try {
      await write(store);
    } catch (error) {
      this.#store = this.#giveUpStoring(error);
      const older = await this.#filesOfStored(store);
      await store.keepOnly(older).catch(() => undefined);
    }
  }

  async #filesOfStored(store: ModelStore): Promise<ModelFile[]> {
    const text = await store.readManifest().catch(() => undefined);
    return text === undefined ? [] : filesOf(parseManifest(text, this.#manifestUrl));
  }

  #giveUpStoring(error: unknown): undefined {
    const reason = error instanceof Error ? error.message || error.name : String(error);
    this.warn(
      'model-not-stored',
      `The model is in memory alone and will be downloaded again on the next visit (${reason}): free some space, or leave the private window.`,
    );
  }

  #refuse(why: string): never {
    throw new HalflingError(
      'not-stored',
      `${this.#manifestUrl} is not on this device (${why}), and offlineOnly forbids to ask the network: load it once without offlineOnly.`,
    );
  }

  #urlOf(file: ModelFile): string {
    return new URL(file.path, this.#manifestUrl).href;
  }
}
