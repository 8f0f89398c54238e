import { proxy } from 'comlink';

import { abortedError, HalflingError } from './errors.js';
import type { LoadedModel, LoadRequest } from './protocol.js';
import { Catalog } from './request.js';
import type {
  CallStats,
  CreateOptions,
  LoadProgress,
  Recommendation,
  Recommender,
  RecommenderInfo,
  RecommendOptions,
  Simd,
} from './types.js';
import { WorkerConnection } from './worker-connection.js';

class WorkerRecommender implements Recommender {
  readonly info: RecommenderInfo;
  readonly #connection: WorkerConnection;
  readonly #catalog: Catalog;
  #lastCall: CallStats | undefined;

  constructor(connection: WorkerConnection, model: LoadedModel, loadMilliseconds: number) {
    this.#connection = connection;
    this.#catalog = new Catalog(model.items);
    this.info = { ...model.info, loadMilliseconds };
  }

  get items() {
    return this.#catalog.items;
  }

  get lastCall() {
    return this.#lastCall;
  }

  async recommend(options: RecommendOptions): Promise<Recommendation[]> {
    const request = this.#catalog.toRequest(options);
    const ranking = await this.#connection.call((api) => api.rank(request), options.signal);
    this.#lastCall = ranking.stats;
    return this.#catalog.toRecommendations(ranking);
  }

  dispose(): void {
    this.#connection.close({
      code: 'disposed',
      message: 'The recommender has been disposed of: create a new one.',
    });
  }
}

function requireFeatures(): void {
  const missing = [
    typeof Worker === 'undefined' && 'Worker (createRecommender runs in a page, not on a server)',
    typeof WebAssembly === 'undefined' && 'WebAssembly',
    !globalThis.crypto?.subtle && 'crypto.subtle (serve the page over https or from localhost)',
    !globalThis.navigator?.locks && 'Web Locks (serve the page over https or from localhost)',
  ].filter((feature) => feature !== false);
  if (missing.length === 0) return;
  throw new HalflingError('unsupported-browser', `Missing here: ${missing.join('; ')}.`);
}

/** `what` names the option in the error. */
function resolve(url: string | URL, what: string): URL {
  // A worker may call too, and has no document.
  const base = globalThis.document?.baseURI ?? globalThis.location.href;
  try {
    return new URL(url, base);
  } catch {
    throw new HalflingError('invalid-request', `${what} "${url}" is no address.`);
  }
}

function toManifestUrl(model: string | URL): string {
  const url = resolve(model, 'model');
  if (!url.pathname.endsWith('.json')) {
    url.pathname += url.pathname.endsWith('/') ? 'manifest.json' : '/manifest.json';
  }
  return url.href;
}

function toWasmUrls(given: CreateOptions['wasmUrl']): Record<Simd, string> {
  const baseline = given?.baseline ?? new URL('./halfling.wasm', import.meta.url);
  const relaxed = given?.relaxed ?? new URL('./halfling-relaxed.wasm', import.meta.url);
  return {
    baseline: resolve(baseline, 'wasmUrl.baseline').href,
    relaxed: resolve(relaxed, 'wasmUrl.relaxed').href,
  };
}

/** What the caller's function throws is the caller's: it is reported, and the load goes on. */
function guarded(onProgress: (progress: LoadProgress) => void): (progress: LoadProgress) => void {
  return (progress) => {
    try {
      onProgress(progress);
    } catch (error) {
      reportError(error);
    }
  };
}

/**
 * Starts a worker, downloads the engine and a model into it, and verifies both. Afterwards no request
 * leaves the page any more. Each call is independent: one that fails leaves nothing behind.
 * Rejects with a HalflingError.
 */
export async function createRecommender(options: CreateOptions): Promise<Recommender> {
  const start = Date.now();
  requireFeatures();
  const { signal, workerUrl, onProgress = () => undefined, simd = 'auto' } = options;
  const manifestUrl = toManifestUrl(options.model);
  const request: LoadRequest = { manifestUrl, wasmUrls: toWasmUrls(options.wasmUrl), simd };
  if (signal?.aborted) throw abortedError(signal);
  const connection = new WorkerConnection(
    workerUrl === undefined ? undefined : resolve(workerUrl, 'workerUrl'),
  );
  try {
    await connection.open(__BUILD_ID__, signal);
    const report = proxy(guarded(onProgress));
    const model = await connection.call((api) => api.load(request, report), signal);
    return new WorkerRecommender(connection, model, Date.now() - start);
  } catch (error) {
    connection.close({ code: 'disposed', message: 'The recommender could not be created.' });
    throw error;
  }
}
