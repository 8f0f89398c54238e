import { proxy } from 'comlink';

import { resolveManifestUrl, resolveScriptUrl, resolveWasmUrls } from './addresses.js';
import { checkBoolean, checkChoice, checkFunction, checkObject } from './checks.js';
import { guarded } from './emitter.js';
import { abortedError, HalflingError, type HalflingErrorCode } from './errors.js';
import { toHistorySettings } from './history-settings.js';
import type { LoadedModel, LoadRequest } from './protocol.js';
import { WorkerRecommender } from './recommender.js';
import { requireFeatures } from './support.js';
import { chooseThreads } from './threads.js';
import type { CatalogItem, CreateOptions, Recommender } from './types.js';
import { WorkerConnection } from './worker-connection.js';

type ItemMapping<Item> = Required<Pick<CreateOptions<Item>, 'toItem'>>;

/**
 * Starts a worker, loads the engine and a model into it, and verifies both. Afterwards no request
 * leaves the page any more, unless update() is called. Each call is independent: one that fails
 * leaves nothing behind but what it has already stored of the model. Rejects with a HalflingError, or
 * with what `toItem` throws.
 */
export function createRecommender<Item>(
  options: CreateOptions<Item> & ItemMapping<Item>,
): Promise<Recommender<Item>>;
export function createRecommender(options: CreateOptions): Promise<Recommender>;
export async function createRecommender<Item = CatalogItem>(
  options: CreateOptions<Item>,
): Promise<Recommender<Item>> {
  const start = Date.now();
  requireFeatures();
  const { signal, toItem, history } = checkObject('createRecommender() options', options);
  checkFunction('toItem', toItem);
  const settings = toHistorySettings(history);
  const { connection, model } = await loadWithThreads(options, chooseThreads(options));
  try {
    const took = Date.now() - start;
    const created = await WorkerRecommender.create(connection, model, took, toItem, settings);
    if (signal?.aborted) {
      created.dispose();
      throw abortedError(signal);
    }
    return created;
  } catch (error) {
    connection.close(NOT_CREATED);
    throw error;
  }
}

interface Loaded {
  readonly connection: WorkerConnection;
  readonly model: LoadedModel;
}

const NOT_CREATED = {
  code: 'disposed',
  message: 'The recommender could not be created.',
} as const;

/** What says that the threaded engine does not start here; what concerns the model is no such. */
const NO_THREADS: readonly HalflingErrorCode[] = [
  'no-threads',
  'worker-not-found',
  'worker-died',
  'version-mismatch',
];

/** With so many threads, or with one and a warning. */
async function loadWithThreads<Item>(
  options: CreateOptions<Item>,
  threads: number,
): Promise<Loaded> {
  if (threads === 1) return load(options, 1);
  try {
    return await load(options, threads);
  } catch (error) {
    if (!(error instanceof HalflingError) || !NO_THREADS.includes(error.code)) throw error;
    const { connection, model } = await load(options, 1);
    const message = `There is one thread instead of ${threads}: ${error.message}`;
    const warning = { ok: false, code: 'no-threads', message } as const;
    return { connection, model: { ...model, warnings: [...model.warnings, warning] } };
  }
}

async function load<Item>(options: CreateOptions<Item>, threads: number): Promise<Loaded> {
  const { signal, onProgress = () => undefined } = options;
  checkFunction('onProgress', onProgress);
  const request: LoadRequest = {
    manifestUrl: resolveManifestUrl(options.model),
    wasmUrls: resolveWasmUrls(options.wasmUrl, threads),
    simd: checkChoice('simd', options.simd ?? 'auto', ['auto', 'baseline', 'relaxed']),
    threads,
    cache: checkBoolean('cache', options.cache ?? true),
    offlineOnly: checkBoolean('offlineOnly', options.offlineOnly ?? false),
  };
  if (signal?.aborted) throw abortedError(signal);
  const option = threads > 1 ? 'threadedWorkerUrl' : 'workerUrl';
  const workerUrl = options[option];
  const connection = new WorkerConnection({
    threaded: threads > 1,
    url: workerUrl === undefined ? undefined : resolveScriptUrl(workerUrl, option),
  });
  try {
    await connection.open(__BUILD_ID__, signal);
    const report = proxy(guarded(onProgress));
    const model = await connection.call((api) => api.load(request, report), signal);
    return { connection, model };
  } catch (error) {
    connection.close(NOT_CREATED);
    throw error;
  }
}
