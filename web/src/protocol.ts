// What page and worker say to each other. Types only: it compiles to nothing. Items are named by
// index here and by id in the public interface; the page translates.

import type { Failure } from './errors.js';
import type { CallStats, CatalogItem, LoadProgress, RecommenderInfo, Simd } from './types.js';

export type Reply<T> = { readonly ok: true; readonly value: T } | Failure;
export type Report = (progress: LoadProgress) => void | Promise<void>;

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
  /** 1, unless the worker is worker-threads.js and the wasm files are the threaded ones. */
  readonly threads: number;
  /** Whether the model may be stored for the next visit. */
  readonly cache: boolean;
  readonly offlineOnly: boolean;
}

export interface LoadedModel {
  readonly items: readonly CatalogItem[];
  readonly info: Omit<RecommenderInfo, 'loadMilliseconds'>;
  /** What is not as it was to be: that the model is in memory alone. */
  readonly warnings: readonly Failure[];
}

export interface RankRequest {
  readonly history: Int32Array;
  readonly limit: number;
  /** Of a beam search; the search is exact without it. */
  readonly beamWidth?: number;
  readonly exclude: Int32Array;
  readonly allow: Int32Array | null;
  /** [items], added to the scores when they are compared; null: all 0. */
  readonly boosts: Float32Array | null;
}

export interface Ranking {
  /** Item indices, best first, and their scores, without boosts. */
  readonly items: Int32Array;
  readonly scores: Float32Array;
}

export interface ExplainRequest {
  readonly item: number;
  /** Of distinct items. */
  readonly history: Int32Array;
}

export interface Explanation {
  /** The item's exact score after the history. */
  readonly whole: number;
  /** [history] The same without each entry; empty where there is only one. */
  readonly without: Float32Array;
}

export interface Measured {
  readonly stats: CallStats;
}

/**
 * The worker's side: start, then load, then all others. All resolve to a Failure rather than reject.
 * prepareUpdate() and dropUpdate() may run beside rank() and explain(), though not beside themselves;
 * commitUpdate() must not, for it changes what indices mean.
 */
export interface WorkerApi {
  start(request: StartRequest): Promise<Reply<null>>;
  load(request: LoadRequest, onProgress: Report): Promise<Reply<LoadedModel>>;
  rank(request: RankRequest): Promise<Reply<Ranking & Measured>>;
  explain(request: ExplainRequest): Promise<Reply<Explanation & Measured>>;
  /** Loads the newest version, if it is another one, beside the one in use. */
  prepareUpdate(onProgress: Report): Promise<Reply<LoadedModel | null>>;
  commitUpdate(): Promise<Reply<null>>;
  /** Lets go of what prepareUpdate() has loaded. */
  dropUpdate(): Promise<Reply<null>>;
}
