// Brings a model into an engine: from the device where it is stored, from the network otherwise.

import {
  HalflingError,
  toFailure,
  toReason,
  type Failure,
  type HalflingErrorCode,
} from '../errors.js';
import type { Report } from '../protocol.js';
import type { CatalogItem } from '../types.js';
import { ConnectionError, fetchVerified, type FetchedFile } from './download.js';
import { fetchManifest, fetchManifestSoon, type ManifestText } from './fetch-manifest.js';
import { parseCatalog, parseManifest, type Manifest, type ModelFile } from './manifest.js';
import { ModelStore } from './model-store.js';
import { ProgressMeter } from './progress-meter.js';

const PARALLEL_SHARDS = 3;

export interface ChosenManifest extends ManifestText {
  /** The text of the stored one when this was chosen. */
  readonly stored: string | undefined;
}

/** What a model is loaded into. Its methods throw what it has against the model. */
export interface ModelTarget {
  addShard(path: string, bytes: Uint8Array): void;
  /** When it has all shards. */
  start(): void;
}

export interface ModelContent {
  readonly manifest: Manifest;
  readonly items: readonly CatalogItem[];
  readonly popularityDate: string | undefined;
}

export interface LoadedContent extends ModelContent {
  /** Whether the device has a model for the next visit. */
  readonly stored: boolean;
}

/** Stores a file that was downloaded, where that may be. */
type KeepFile = (file: ModelFile, fetched: FetchedFile) => Promise<void>;

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

  /** `error`: what is wrong with the server's version. */
  warnOutdated(error: unknown): void {
    // Who is offline has no need to be told; a server that answers with something else has.
    if (error instanceof ConnectionError) return;
    const { message } = toFailure(error);
    this.#warn(
      'model-outdated',
      `The stored version of the model is used, since that of the server cannot be loaded: ${message}`,
    );
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
  async chooseManifest(): Promise<ChosenManifest> {
    const stored = await this.readStoredManifest();
    if (!stored) {
      if (this.#offlineOnly) return this.#refuse('it was never loaded as a whole');
      return this.newestManifest();
    }
    if (this.#offlineOnly) return stored;
    try {
      return { ...(await fetchManifestSoon(this.#manifestUrl)), stored: stored.text };
    } catch (error) {
      this.warnOutdated(error);
      return stored;
    }
  }

  /** Of the whole model that the device has. */
  async readStoredManifest(): Promise<ChosenManifest | undefined> {
    const text = await this.#readStoredText();
    if (text === undefined) return undefined;
    try {
      return { text, manifest: parseManifest(text, this.#manifestUrl), stored: text };
    } catch {
      return undefined; // of a later release of this package, or damaged: it is overwritten
    }
  }

  /** As the server has it now; with offlineOnly as the device has it, perhaps from another tab. */
  async newestManifest(): Promise<ChosenManifest> {
    if (this.#offlineOnly) return this.chooseManifest();
    const stored = await this.#readStoredText();
    return { ...(await fetchManifest(this.#manifestUrl)), stored };
  }

  /**
   * Hands every shard to `target`, a few at a time, each as soon as it is verified and stored, and
   * stores what `target` can start. Where something is to be stored, one tab after another does so.
   */
  async load(
    chosen: ChosenManifest,
    target: ModelTarget,
    onProgress: Report,
  ): Promise<LoadedContent> {
    const { text, manifest, stored } = chosen;
    const lockName = `halfling-model ${this.#manifestUrl}`;
    const load = async (keep: KeepFile) => {
      const content = await this.#loadAll(manifest, target, onProgress, keep);
      target.start();
      return content;
    };
    const write: KeepFile = (file, fetched) =>
      this.#tryToStore((store) => store.write(file, fetched));
    // A stored file that was damaged. The model does not wait for another tab that changes the store.
    const mend: KeepFile = async (file, fetched) => {
      await navigator.locks.request(lockName, { ifAvailable: true }, async (lock) => {
        if (lock && (await this.#readStoredText()) === text) await write(file, fetched);
      });
    };
    const store = this.#store;
    if (!store) return { ...(await load(write)), stored: false };
    const isStored = this.#offlineOnly || (stored === text && (await this.#hasAll(manifest)));
    if (isStored) return { ...(await load(mend)), stored: this.#store !== undefined };
    return navigator.locks.request(lockName, async () => {
      const content = await load(write);
      await this.#tryToStore(() => this.#commit(store, chosen));
      if (!this.#store) await this.#deleteOthers(store).catch(() => undefined);
      return { ...content, stored: this.#store !== undefined };
    });
  }

  /**
   * Makes a model that is loaded the stored one, and deletes older ones, unless another tab has stored
   * another version meanwhile. Only the holder of the lock may.
   */
  async #commit(store: ModelStore, { text, manifest, stored }: ChosenManifest): Promise<void> {
    const now = await store.readManifest();
    if (now === text) return;
    if (now !== stored) return this.#deleteOthers(store);
    if (!(await this.#hasAll(manifest))) throw new Error('what was stored of it has been deleted');
    await store.commit(text, filesOf(manifest));
  }

  /** All files that are not of the stored model. Only the holder of the lock may. */
  async #deleteOthers(store: ModelStore): Promise<void> {
    const text = await store.readManifest();
    const manifest = text === undefined ? undefined : parseManifest(text, this.#manifestUrl);
    await store.keepOnly(manifest ? filesOf(manifest) : []);
  }

  async #loadAll(
    manifest: Manifest,
    target: ModelTarget,
    onProgress: Report,
    keep: KeepFile,
  ): Promise<ModelContent> {
    const meter = new ProgressMeter(manifest.totalBytes, onProgress);
    const stop = new AbortController();
    const loadFile = (file: ModelFile) => this.#loadFile(file, meter, stop.signal, keep);
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
      for (const shard of queue) target.addShard(shard.path, (await loadFile(shard)).bytes);
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
    keep: KeepFile,
  ): Promise<FetchedFile> {
    const stored = await this.#tryToRead((store) => store.read(file));
    if (stored) {
      meter.add(file.bytes);
      return stored;
    }
    if (this.#offlineOnly) return this.#refuse(`${file.path} is missing or damaged`);
    const onPiece = (bytes: number) => meter.add(bytes);
    const fetched = await fetchVerified(this.#urlOf(file), file, onPiece, signal);
    await keep(file, fetched);
    return fetched;
  }

  async #hasAll(manifest: Manifest): Promise<boolean> {
    const has = (file: ModelFile) => this.#tryToRead((store) => store.has(file));
    return (await Promise.all(filesOf(manifest).map(has))).every(Boolean);
  }

  #readStoredText(): Promise<string | undefined> {
    return this.#tryToRead((store) => store.readManifest());
  }

  /** What cannot be read is not stored, nor is anything else after that. */
  async #tryToRead<T>(read: (store: ModelStore) => Promise<T>): Promise<T | undefined> {
    try {
      return this.#store && (await read(this.#store));
    } catch (error) {
      this.#store = this.#giveUpStoring(error);
      return undefined;
    }
  }

  /** After a first failure nothing more is stored; an older version that was stays. */
  async #tryToStore(write: (store: ModelStore) => Promise<void>): Promise<void> {
    const store = this.#store;
    if (!store) return;
    try {
      await write(store);
    } catch (error) {
      this.#store = this.#giveUpStoring(error);
    }
  }

  #warn(code: HalflingErrorCode, message: string): void {
    this.#warnings.set(code, toFailure(new HalflingError(code, message)));
  }

  #giveUpStoring(error: unknown): undefined {
    this.#warn(
      'model-not-stored',
      `The model is in memory alone and will be downloaded again on the next visit (${toReason(error)}): free some space, or leave the private window.`,
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
