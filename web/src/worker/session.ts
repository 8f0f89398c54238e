// The worker's side of the protocol: loads a model, then ranks.

import { HalflingError, toFailure, type Failure } from '../errors.js';
import type {
  ExplainRequest,
  Explanation,
  LoadedModel,
  LoadRequest,
  Measured,
  Ranking,
  RankRequest,
  Reply,
  Report,
  StartRequest,
  WorkerApi,
} from '../protocol.js';
import type { Simd } from '../types.js';
import { check, explain, rank, type Answer } from './engine-calls.js';
import { checkBuild, loadEngine, type LoadedEngine } from './engine-loader.js';
import type { Engine, ModuleFactory } from './engine-module.js';
import { ModelLoader, type ManifestText, type ModelContent } from './model-loader.js';

interface Loaded {
  readonly engine: Engine;
  readonly content: ModelContent;
  readonly stored: boolean;
}

async function settled<T>(work: () => Promise<T>): Promise<Reply<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return toFailure(error);
  }
}

function notLoaded(): HalflingError {
  return new HalflingError('invalid-request', 'No model has been loaded yet.');
}

function countRequests(): number {
  return performance.getEntriesByType('resource').length;
}

/** Comes true when the worker holds the lock, which it then does until it ends. */
function holdLock(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const held = () => {
      resolve();
      return new Promise<never>(() => undefined);
    };
    navigator.locks.request(name, held).catch(reject);
  });
}

function toModel(
  { content, stored }: Loaded,
  { simd, threads, wasmBytes }: LoadedEngine,
  warnings: readonly Failure[],
): LoadedModel {
  const { manifest, items, popularityDate } = content;
  const { name, version, parameters, linearParameters, layers, modelDim, compression } = manifest;
  return {
    items,
    info: {
      name,
      version,
      simd,
      threads,
      modelBytes: manifest.totalBytes,
      storage: stored ? 'cache' : 'memory',
      wasmBytes,
      parameters,
      linearParameters,
      layers,
      modelDim,
      compression,
      ...(popularityDate !== undefined && { popularityDate }),
      ...(manifest.evaluation && { evaluation: manifest.evaluation }),
    },
    warnings,
  };
}

export class Session implements WorkerApi {
  readonly #buildId: string;
  readonly #factories: Readonly<Record<Simd, ModuleFactory>>;
  #wasm: LoadedEngine | undefined;
  #loader: ModelLoader | undefined;
  #model: Loaded | undefined;
  /** Loaded by prepareUpdate(), not yet in use. */
  #next: Loaded | undefined;
  #stopped: Failure | undefined;
  #requestsWhenLoaded = 0;

  constructor(buildId: string, factories: Readonly<Record<Simd, ModuleFactory>>) {
    this.#buildId = buildId;
    this.#factories = factories;
  }

  start({ buildId, lifeLock }: StartRequest): Promise<Reply<null>> {
    return settled(async () => {
      checkBuild(buildId, this.#buildId, 'The worker script');
      await holdLock(lifeLock);
      return null;
    });
  }

  load(request: LoadRequest, onProgress: Report): Promise<Reply<LoadedModel>> {
    return settled(async () => {
      const starting = loadEngine(request, this.#factories, this.#buildId);
      const choosing = ModelLoader.create(request.manifestUrl, request).then(async (loader) => ({
        loader,
        chosen: await loader.chooseManifest(),
      }));
      const [wasm, { loader, chosen }] = await Promise.all([starting, choosing]);
      this.#wasm = wasm;
      this.#loader = loader;
      const loaded = await this.#loadOrStored(wasm, loader, chosen, onProgress);
      this.#use(loaded, wasm);
      return toModel(loaded, wasm, loader.takeWarnings());
    });
  }

  prepareUpdate(onProgress: Report): Promise<Reply<LoadedModel | null>> {
    return settled(async () => {
      if (!this.#wasm || !this.#loader) throw notLoaded();
      const newest = await this.#loader.newestManifest();
      if (newest.manifest.version === this.#model?.content.manifest.version) return null;
      this.#next = await this.#loadModel(this.#wasm, this.#loader, newest, onProgress);
      return toModel(this.#next, this.#wasm, this.#loader.takeWarnings());
    });
  }

  commitUpdate(): Promise<Reply<null>> {
    return settled(() => {
      if (!this.#next || !this.#wasm) {
        throw new HalflingError('invalid-request', 'No update has been prepared.');
      }
      this.#use(this.#next, this.#wasm);
      this.#next = undefined;
      return Promise.resolve(null);
    });
  }

  dropUpdate(): Promise<Reply<null>> {
    return settled(() => {
      this.#next?.engine.delete();
      this.#next = undefined;
      return Promise.resolve(null);
    });
  }

  rank(request: RankRequest): Promise<Reply<Ranking & Measured>> {
    return this.#measured((engine) => rank(engine, request));
  }

  explain(request: ExplainRequest): Promise<Reply<Explanation & Measured>> {
    return this.#measured((engine) => explain(engine, request));
  }

  /** The chosen version; where that fails, the stored one: a deployment may be half done. */
  async #loadOrStored(
    wasm: LoadedEngine,
    loader: ModelLoader,
    chosen: ManifestText,
    onProgress: Report,
  ): Promise<Loaded> {
    try {
      return await this.#loadModel(wasm, loader, chosen, onProgress);
    } catch (error) {
      // After a trap there is nothing in the engine's memory to be trusted.
      if (!(error instanceof HalflingError)) throw error;
      const stored = await loader.readStoredManifest();
      if (!stored || stored.text === chosen.text) throw error;
      const loaded = await this.#loadModel(wasm, loader, stored, onProgress).catch(() => {
        throw error;
      });
      loader.warn(
        'model-outdated',
        `The stored version of the model is used, since that of the server cannot be loaded: ${error.message}`,
      );
      return loaded;
    }
  }

  async #loadModel(
    { module }: LoadedEngine,
    loader: ModelLoader,
    chosen: ManifestText,
    onProgress: Report,
  ): Promise<Loaded> {
    const engine = new module.Engine();
    try {
      const addShard = (path: string, bytes: Uint8Array) => engine.addShard(path, bytes);
      const content = await loader.load(chosen.manifest, addShard, onProgress);
      check(engine.load());
      return { engine, content, stored: await loader.commit(chosen) };
    } catch (error) {
      engine.delete();
      throw error;
    }
  }

  /** Puts a model in the place of the one before, whose threads it gets. */
  #use(model: Loaded, { threads }: LoadedEngine): void {
    this.#model?.engine.delete();
    this.#model = model;
    model.engine.useThreads?.(threads);
    this.#requestsWhenLoaded = countRequests();
  }

  /** Runs `compute`, unless an earlier call has broken the engine. */
  #measured<T extends object>(
    compute: (engine: Engine) => Answer<T>,
  ): Promise<Reply<T & Measured>> {
    if (this.#stopped) return Promise.resolve(this.#stopped);
    try {
      if (!this.#model) throw notLoaded();
      const start = performance.now();
      const { value, counts } = compute(this.#model.engine);
      const stats = {
        milliseconds: performance.now() - start,
        ...counts,
        requestsSinceLoading: countRequests() - this.#requestsWhenLoaded,
      };
      return Promise.resolve({ ok: true, value: { ...value, stats } });
    } catch (error) {
      const failure = toFailure(error);
      // A trap leaves the engine's memory half written: no later answer of it could be trusted.
      if (failure.code === 'engine-stopped') this.#stopped = failure;
      return Promise.resolve(failure);
    }
  }
}
