import { proxy } from 'comlink';

import { resolveManifestUrl, resolveUrl, resolveWasmUrls } from './addresses.js';
import { guarded } from './emitter.js';
import { abortedError } from './errors.js';
import type { LoadRequest } from './protocol.js';
import { WorkerRecommender } from './recommender.js';
import { requireFeatures } from './support.js';
import type { CatalogItem, CreateOptions, Recommender } from './types.js';
import { WorkerConnection } from './worker-connection.js';

type ItemMapping<Item> = Required<Pick<CreateOptions<Item>, 'toItem'>>;

/**
 * Starts a worker, loads the engine and a model into it, and verifies both. Afterwards no request
 * leaves the page any more, unless update() is called. Each call is independent: one that fails
 * leaves nothing behind but what it has already stored of the model. Rejects with a HalflingError.
 */
export function createRecommender(options: CreateOptions): Promise<Recommender>;
export function createRecommender<Item>(
  options: CreateOptions<Item> & ItemMapping<Item>,
): Promise<Recommender<Item>>;
export async function createRecommender<Item = CatalogItem>(
  options: CreateOptions<Item>,
): Promise<Recommender<Item>> {
  const start = Date.now();
  requireFeatures();
  const { signal, workerUrl, onProgress = () => undefined } = options;
  const request: LoadRequest = {
    manifestUrl: resolveManifestUrl(options.model),
    wasmUrls: resolveWasmUrls(options.wasmUrl),
    simd: options.simd ?? 'auto',
    cache: options.cache ?? true,
    offlineOnly: options.offlineOnly ?? false,
  };
  if (signal?.aborted) throw abortedError(signal);
  const connection = new WorkerConnection(
    workerUrl === undefined ? undefined : resolveUrl(workerUrl, 'workerUrl'),
  );
  try {
    await connection.open(__BUILD_ID__, signal);
    const report = proxy(guarded(onProgress));
    const model = await connection.call((api) => api.load(request, report), signal);
    return await WorkerRecommender.create(
      connection,
      model,
      Date.now() - start,
      options.toItem,
      options.history ?? {},
    );
  } catch (error) {
    connection.close({ code: 'disposed', message: 'The recommender could not be created.' });
    throw error;
  }
}
