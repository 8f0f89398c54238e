// The public types of the package.

/** Which build of the engine runs: both give the same scores, bit for bit. */
export type Simd = 'baseline' | 'relaxed';

export interface CatalogItem {
  readonly id: string;
  readonly title?: string;
  readonly category?: string;
  readonly image?: string;
  readonly url?: string;
  /** Events in the training data. */
  readonly popularity: number;
}

export interface Recommendation {
  readonly item: CatalogItem;
  readonly id: string;
  /** Natural logarithm of the item's probability to come next, among the whole catalogue. */
  readonly score: number;
  /** 1 is the best. */
  readonly rank: number;
}

export interface LoadProgress {
  /** Bytes of the model that have arrived. */
  readonly loadedBytes: number;
  /** Bytes of the model altogether, as its manifest says. */
  readonly totalBytes: number;
}

export interface CreateOptions {
  /** URL of a model directory, or of the manifest.json in it. */
  readonly model: string | URL;
  /** Where the engine's two wasm files lie, if not beside this module. */
  readonly wasmUrl?: { readonly baseline?: string | URL; readonly relaxed?: string | URL };
  /** Where worker.js lies, if not beside this module. Must be of the page's origin. */
  readonly workerUrl?: string | URL;
  /** 'auto' (the default) takes relaxed SIMD where the browser has it and it computes rightly. */
  readonly simd?: 'auto' | Simd;
  /** Aborts the download and rejects with code 'aborted'. Later aborts have no effect. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

export interface RecommendOptions {
  /** Item ids, oldest first. */
  readonly history: readonly string[];
  /** How many items to return, 1 … 1000. Default 10. */
  readonly limit?: number;
  /** Ids of items that must not be returned. */
  readonly exclude?: readonly string[];
  /** If given, only these ids may be returned. */
  readonly allow?: readonly string[];
  /** Whether the history's own items are left out. Default true. */
  readonly excludeSeen?: boolean;
  /** Width of the beam search, 1 … 1000; raised to `limit` where lower. Default 20. */
  readonly beamWidth?: number;
  /** Rejects with code 'aborted'; a call that still waits for its turn never starts. */
  readonly signal?: AbortSignal;
}

/** A metric's mean over users with its 95 % confidence interval. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export type MetricName = 'hr@1' | 'hr@5' | 'hr@10' | 'ndcg@5' | 'ndcg@10';
export type Metrics = Partial<Readonly<Record<MetricName, Interval>>>;

/** How the model was evaluated when it was compressed. */
export interface Evaluation {
  readonly split: string;
  readonly users: number;
  readonly beam: number;
  /** Of the model before compression. */
  readonly before: Metrics;
  /** Of the model as it is here. */
  readonly after: Metrics;
  readonly ndcg10RelativeChange?: Interval;
}

export interface Compression {
  /** 'svd', 'svd-llm', 'od-llm', 'halfling', or 'none' for the original. */
  readonly method: string;
  /** Share of the linear layers' parameters that was kept. */
  readonly keep: number;
  readonly dtype: string;
}

export interface RecommenderInfo {
  readonly name: string;
  /** Content hash of the model. */
  readonly version: string;
  readonly simd: Simd;
  readonly modelBytes: number;
  readonly wasmBytes: number;
  /** From createRecommender to ready, download included. */
  readonly loadMilliseconds: number;
  readonly parameters: number;
  readonly linearParameters: number;
  readonly layers: number;
  readonly modelDim: number;
  readonly compression: Compression;
  /** Absent if the model was compressed without an evaluation. */
  readonly evaluation?: Evaluation;
}

/** About one call of recommend(), as measured inside the worker. */
export interface CallStats {
  /** Time in the engine. */
  readonly milliseconds: number;
  /** Tokens of the prompt that the call before had already computed. */
  readonly reusedTokens: number;
  /** Requests that the worker has made since the model was loaded: always 0. */
  readonly requestsSinceLoading: number;
}

/** A loaded model in its own worker. Calls run one after another, in the order they were made. */
export interface Recommender {
  /** The catalogue. */
  readonly items: readonly CatalogItem[];
  readonly info: RecommenderInfo;
  /** Of the last call that succeeded. */
  readonly lastCall: CallStats | undefined;
  /** Ranks the catalogue after `history`. Rejects with a HalflingError. */
  recommend(options: RecommendOptions): Promise<Recommendation[]>;
  /** Ends the worker and so frees its memory; pending and later calls reject with 'disposed'. */
  dispose(): void;
}
