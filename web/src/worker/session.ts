// The worker's side of the protocol: loads a model, then ranks.

import { HalflingError, toFailure, trapped, type Failure } from '../errors.js';
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
import { ModelLoader, type ChosenManifest, type LoadedContent } from './model-loader.js';

interface Model {
  readonly engine: Engine;
  readonly version: string;
}

interface Loaded {
  readonly model: Model;
  readonly content: LoadedContent;
}

async function settled<T>(work: () => T | Promise<T>): Promise<Reply<T>> {
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

function toLoadedModel(
  content: LoadedContent,
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
      storage: content.stored ? 'cache' : 'memory',
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
  #model: Model | undefined;
  /** Loaded by prepareUpdate(), not yet in use. */
  #next: Model | undefined;
  #stopped: HalflingError | undefined;
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
      const { model, content } = await this.#loadOrStored(wasm, loader, chosen, onProgress);
      this.#use(model, wasm);
      return toLoadedModel(content, wasm, loader.takeWarnings());
    });
  }

  prepareUpdate(onProgress: Report): Promise<Reply<LoadedModel | null>> {
    return settled(async () => {
      if (!this.#wasm || !this.#loader) throw notLoaded();
      const newest = await this.#loader.newestManifest();
      if (newest.manifest.version === this.#model?.version) return null;
      const next = await this.#loadModel(this.#wasm, this.#loader, newest, onProgress);
      this.#next = next.model;
      return toLoadedModel(next.content, this.#wasm, this.#loader.takeWarnings());
    });
  }

  commitUpdate(): Promise<Reply<null>> {
    return settled(() => {
      if (!this.#next || !this.#wasm) {
        throw new HalflingError('invalid-request', 'No update has been prepared.');
      }
      this.#use(this.#next, this.#wasm);
      this.#next = undefined;
      return null;
    });
  }

  dropUpdate(): Promise<Reply<null>> {
    return settled(() => {
      if (this.#next) this.#delete(this.#next.engine);
      this.#next = undefined;
      return null;
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
    chosen: ChosenManifest,
    onProgress: Report,
  ): Promise<Loaded> {
    try {
      return await this.#loadModel(wasm, loader, chosen, onProgress);
    } catch (error) {
      if (this.#stopped) throw error;
      const stored = await loader.readStoredManifest();
      if (!stored || stored.text === chosen.text) throw error;
      const loaded = await this.#loadModel(wasm, loader, stored, onProgress).catch(() => {
        throw this.#stopped ?? error;
      });
      loader.warnOutdated(error);
      return loaded;
    }
  }

  async #loadModel(
    { module }: LoadedEngine,
    loader: ModelLoader,
    chosen: ChosenManifest,
    onProgress: Report,
  ): Promise<Loaded> {
    const engine = this.#run(() => new module.Engine());
    const target = {
      addShard: (path: string, bytes: Uint8Array) => this.#run(() => engine.addShard(path, bytes)),
      start: () => this.#run(() => check(engine.load())),
    };
    try {
      const content = await loader.load(chosen, target, onProgress);
      return { model: { engine, version: content.manifest.version }, content };
    } catch (error) {
      this.#delete(engine);
      throw error;
    }
  }

  /** Puts a model in the place of the one before, whose threads it gets. */
  #use(model: Model, { threads }: LoadedEngine): void {
    if (this.#model) this.#delete(this.#model.engine);
    this.#model = model;
    this.#run(() => model.engine.useThreads?.(threads));
    this.#requestsWhenLoaded = countRequests();
  }

  #measured<T extends object>(
    compute: (engine: Engine) => Answer<T>,
  ): Promise<Reply<T & Measured>> {
    return settled(() => {
      if (!this.#model) throw notLoaded();
      const { engine } = this.#model;
      const start = performance.now();
      const { value, counts } = this.#run(() => compute(engine));
      const stats = {
        milliseconds: performance.now() - start,
        ...counts,
        requestsSinceLoading: countRequests() - this.#requestsWhenLoaded,
      };
      return { ...value, stats };
    });
  }

  /**
   * All that runs in the engine does so here. A trap leaves its memory, which all models share, half
   * written: nothing runs after one.
   */
  #run<T>(work: () => T): T {
    if (this.#stopped) throw this.#stopped;
    try {
      return work();
    } catch (error) {
      const failure = error instanceof HalflingError ? error : trapped(error);
      if (failure.code === 'engine-stopped') this.#stopped = failure;
      throw failure;
    }
  }

  #delete(engine: Engine): void {
    if (!this.#stopped) this.#run(() => engine.delete());
  }
}
