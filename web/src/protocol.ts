// What page and worker say to each other. Types only: it compiles to nothing. Items are named by
// index here and by id in the public interface; the page translates.

import type { Failure } from './errors.js';
import type { CallStats, CatalogItem, LoadProgress, RecommenderInfo, Simd } from './types.js';

export type Reply<T> = { readonly ok: true; readonly value: T } | Failure;

export interface StartRequest {
  /** Of the page's script; worker and wasm must carry the same. */
  readonly buildId: string;
  /** A Web Lock that the worker takes and never gives back: it comes free when the worker ends. */
  readonly lifeLock: string;
}

export interface LoadRequest {
  /** Absolute URLs. */
  readonly manifestUrl: string;
  readonly wasmUrls: Readonly<Record<Simd, string>>;
  readonly simd: 'auto' | Simd;
}

export interface LoadedModel {
  readonly items: readonly CatalogItem[];
  readonly info: Omit<RecommenderInfo, 'loadMilliseconds'>;
}

export interface RankRequest {
  readonly history: Int32Array;
  readonly limit: number;
  readonly beamWidth: number;
  readonly exclude: Int32Array;
  readonly allow: Int32Array | null;
  readonly excludeSeen: boolean;
}

export interface Ranking {
  /** Item indices, best first, and their scores. */
  readonly items: Int32Array;
  readonly scores: Float32Array;
  readonly stats: CallStats;
}

/** The worker's side: start, then load, then rank. All resolve to a Failure rather than reject. */
export interface WorkerApi {
  start(request: StartRequest): Promise<Reply<null>>;
  load(
    request: LoadRequest,
    onProgress: (progress: LoadProgress) => void | Promise<void>,
  ): Promise<Reply<LoadedModel>>;
  rank(request: RankRequest): Promise<Reply<Ranking>>;
}
