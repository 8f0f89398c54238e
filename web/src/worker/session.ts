// The worker's side of the protocol: loads a model once, then ranks.

import { HalflingError, toFailure, type Failure } from '../errors.js';
import type {
  LoadedModel,
  LoadRequest,
  Ranking,
  RankRequest,
  Reply,
  StartRequest,
  WorkerApi,
} from '../protocol.js';
import type { CatalogItem, LoadProgress, Simd } from '../types.js';
import { fetchVerified, mimeType, open, readAll } from './download.js';
import { checkBuild, loadEngine } from './engine-loader.js';
import type { Engine, ModuleFactory, Outcome } from './engine-module.js';
import { parseCatalog, parseManifest, type Manifest } from './manifest.js';

const PARALLEL_SHARDS = 3;

type Report = (progress: LoadProgress) => void | Promise<void>;

async function fetchManifest(url: string): Promise<Manifest> {
  // Always asked anew (a 304 is cheap): a stale manifest would contradict the files beside it.
  const response = await open(url, { cache: 'no-cache' });
  const text = await readAll(response, (body) => body.text());
  try {
    return parseManifest(text, url);
  } catch (error) {
    if (mimeType(response) !== 'text/html') throw error;
    throw new HalflingError(
      'malformed-json',
      `${url} answers with text/html instead of a manifest.json: \`model\` must be the address of a model directory.`,
    );
  }
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

function check(outcome: Outcome): void {
  if (outcome.ok) return;
  throw new HalflingError(
    outcome.code ?? 'engine-stopped',
    outcome.message ?? 'The engine failed without saying why.',
  );
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

export class Session implements WorkerApi {
  readonly #buildId: string;
  readonly #factories: Readonly<Record<Simd, ModuleFactory>>;
  #engine: Engine | undefined;
  #stopped: Failure | undefined;
  #requestsWhenLoaded = 0;

  constructor(buildId: string, factories: Readonly<Record<Simd, ModuleFactory>>) {
    this.#buildId = buildId;
    this.#factories = factories;
  }

  async start(request: StartRequest): Promise<Reply<null>> {
    try {
      checkBuild(request.buildId, this.#buildId, 'The worker script');
      await holdLock(request.lifeLock);
      return { ok: true, value: null };
    } catch (error) {
      return toFailure(error);
    }
  }

  async load(request: LoadRequest, onProgress: Report): Promise<Reply<LoadedModel>> {
    try {
      return { ok: true, value: await this.#load(request, onProgress) };
    } catch (error) {
      return toFailure(error);
    }
  }

  rank(request: RankRequest): Promise<Reply<Ranking>> {
    try {
      return Promise.resolve(this.#stopped ?? { ok: true, value: this.#rank(request) });
    } catch (error) {
      const failure = toFailure(error);
      // A trap leaves the engine's memory half written: no later answer of it could be trusted.
      if (failure.code === 'engine-stopped') this.#stopped = failure;
      return Promise.resolve(failure);
    }
  }

  async #load(request: LoadRequest, onProgress: Report): Promise<LoadedModel> {
    const starting = loadEngine(request.simd, request.wasmUrls, this.#factories, this.#buildId);
    const [manifest] = await Promise.all([fetchManifest(request.manifestUrl), starting]);
    const { module, simd, wasmBytes } = await starting;
    const engine = new module.Engine();
    const items = await this.#fetchModel(request.manifestUrl, manifest, engine, onProgress);
    check(engine.load());
    this.#engine = engine;
    this.#requestsWhenLoaded = countRequests();
    const { name, version, parameters, linearParameters, layers, modelDim, compression } = manifest;
    return {
      items,
      info: {
        name,
        version,
        simd,
        modelBytes: manifest.totalBytes,
        wasmBytes,
        parameters,
        linearParameters,
        layers,
        modelDim,
        compression,
        ...(manifest.evaluation && { evaluation: manifest.evaluation }),
      },
    };
  }

  /** A few shards at a time; each goes into the engine as soon as it is verified. */
  async #fetchModel(
    manifestUrl: string,
    manifest: Manifest,
    engine: Engine,
    onProgress: Report,
  ): Promise<CatalogItem[]> {
    const meter = new ProgressMeter(manifest.totalBytes, onProgress);
    const urlOf = (path: string) => new URL(path, manifestUrl).href;
    const fetchCatalog = async () => {
      const url = urlOf(manifest.catalog.path);
      const bytes = await fetchVerified(url, manifest.catalog, (n) => meter.add(n));
      return parseCatalog(new TextDecoder().decode(bytes), url, manifest.items);
    };
    const queue = manifest.shards.values();
    const fetchShards = async () => {
      for (const shard of queue) {
        const bytes = await fetchVerified(urlOf(shard.path), shard, (n) => meter.add(n));
        engine.addShard(shard.path, bytes);
      }
    };
    const lanes = Array.from({ length: PARALLEL_SHARDS }, fetchShards);
    const [items] = await Promise.all([fetchCatalog(), ...lanes]);
    await meter.finish();
    return items;
  }

  #rank(request: RankRequest): Ranking {
    if (!this.#engine) throw new HalflingError('invalid-request', 'No model has been loaded yet.');
    const start = performance.now();
    const outcome = this.#engine.recommend(
      request.history,
      request.limit,
      request.beamWidth,
      request.exclude,
      request.allow,
      request.excludeSeen,
    );
    const milliseconds = performance.now() - start;
    check(outcome);
    return {
      items: outcome.items ?? new Int32Array(),
      scores: outcome.scores ?? new Float32Array(),
      stats: {
        milliseconds,
        reusedTokens: outcome.reusedTokens ?? 0,
        requestsSinceLoading: countRequests() - this.#requestsWhenLoaded,
      },
    };
  }
}
