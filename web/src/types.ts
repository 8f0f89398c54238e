// The public types of the package.

import type { HalflingError } from './errors.js';

/** Which build of the engine runs: both give the same scores, bit for bit. */
export type Simd = 'baseline' | 'relaxed';

/** The engine's builds by the option `wasmUrl`: of each Simd, one without and one with threads. */
export type WasmFile = Simd | `${Simd}Threads`;

/** Where the page requires Trusted Types, a TrustedScriptURL, which TypeScript does not know. */
export type ScriptUrl = string | URL | { toString(): string };

export interface CatalogItem {
  readonly id: string;
  readonly title?: string;
  readonly category?: string;
  readonly image?: string;
  readonly url?: string;
  /** Events in the training data. */
  readonly popularity: number;
}

export interface Recommendation<Item = CatalogItem> {
  readonly item: Item;
  readonly id: string;
  /**
   * Natural logarithm of the item's probability to come next, among the whole catalogue; without a
   * history, of its share of the events in the training data. Boosts and filters do not change it.
   */
  readonly score: number;
  /** 1 is the best. */
  readonly rank: number;
  /** 'popularity' where there was no history to go by. */
  readonly source: 'model' | 'popularity';
}

/** "Because you viewed …": one item of the history and what it did for a recommendation. */
export interface Reason<Item = CatalogItem> {
  readonly item: Item;
  readonly id: string;
  /**
   * By how much the item's score falls when this one is left out of the history: above 0 it spoke
   * for the item, below 0 against it.
   */
  readonly contribution: number;
}

export type EventType = 'view' | 'add-to-cart' | 'purchase' | 'like' | 'dismiss';

/** What a visitor did with an item. */
export interface TrackEvent {
  readonly type: EventType;
  readonly item: string;
  /** Milliseconds since 1970, as Date.now() has them. Default: now. */
  readonly time?: number;
}

export type HistoryEvent = Required<TrackEvent>;

export interface HistoryExport {
  readonly format: 1;
  readonly exportedAt: string;
  readonly consent: boolean;
  readonly events: readonly HistoryEvent[];
}

export interface HistoryOptions {
  /**
   * Whether the history may be stored on the device. Default: what setConsent() was told on an
   * earlier visit, and no if it never was.
   */
  readonly consent?: boolean;
  /**
   * Names the stored history, which recommenders of one name share, in all tabs, as do those without a
   * name. What is not stored, for lack of consent, each has for itself. Its database is called
   * `halfling-history-` and the name; without a name, `halfling`.
   */
  readonly name?: string;
  /** Events older than this many days are dropped. Default 90. */
  readonly ttlDays?: number;
  /** The most events that are kept; the oldest are dropped first. Default 500. */
  readonly maxEvents?: number;
  /** After a pause of this many minutes a new session begins. Default 30. */
  readonly sessionGapMinutes?: number;
}

export interface LoadProgress {
  /** Bytes of the model that are here: downloaded, or stored on this device before. */
  readonly loadedBytes: number;
  /** Bytes of the model altogether, as its manifest says. */
  readonly totalBytes: number;
}

export interface CreateOptions<Item = CatalogItem> {
  /** URL of a model directory, or of the manifest.json in it. */
  readonly model: string | URL;
  /**
   * The site's own record of an item, which filters, boosts and results then use; undefined for one
   * that the site no longer has, which is never recommended. Called once for each item of a model,
   * when that is loaded or update() has found it. Default: the catalogue's own record.
   */
  readonly toItem?: (item: CatalogItem) => Item | undefined;
  /** Where the engine's wasm files lie, if not beside this module. */
  readonly wasmUrl?: Partial<Readonly<Record<WasmFile, string | URL>>>;
  /**
   * Where worker.js lies, if not beside this module. Must be of the page's origin. Who gives it and
   * wants threads gives `threadedWorkerUrl`, too.
   */
  readonly workerUrl?: ScriptUrl;
  /** Where worker-threads.js lies, if not beside this module. Must be of the page's origin. */
  readonly threadedWorkerUrl?: ScriptUrl;
  /** 'auto' (the default) takes relaxed SIMD where the browser has it and it computes rightly. */
  readonly simd?: 'auto' | Simd;
  /**
   * How many threads share a call's work, the worker's own among them; no answer depends on it.
   * Only a cross-origin isolated page can have more than one, and none has more than the device has
   * processors, or 32; `info.threads` tells how many there are. 'auto' (the default) takes up to
   * four. Threads need files of their own (worker-threads.js, halfling-threads.wasm and
   * halfling-relaxed-threads.wasm), which are only fetched where there will be threads; where they
   * do not start, there is one thread and a warning.
   */
  readonly threads?: 'auto' | number;
  /** Whether the model is stored on the device for the next visit. Default true. */
  readonly cache?: boolean;
  /**
   * Load only a model that is stored on the device; ask the network for none, in update() neither.
   * Default false.
   */
  readonly offlineOnly?: boolean;
  readonly history?: HistoryOptions;
  /** Until the recommender is there: ends the start, which rejects with 'aborted'. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

export interface CallOptions {
  /** Rejects with code 'aborted'; a call that still waits for its turn never starts. */
  readonly signal?: AbortSignal;
}

/** What may be returned, and in which order. */
export interface RankOptions<Item = CatalogItem> extends CallOptions {
  /** How many items to return, 1 … 1000. Default 10. */
  readonly limit?: number;
  /** Only items for which it returns true may be returned. */
  readonly filter?: (item: Item) => boolean;
  /**
   * Added to an item's score when items are ordered, from -1,000,000 to 1,000,000: Math.log(2) makes it
   * twice as likely, -1000 puts it behind all others, -Infinity is as good as a filter. The default for
   * every item is 0.
   */
  readonly boost?: (item: Item) => number;
  /** Ids of items that must not be returned; those that the model does not know do not matter. */
  readonly exclude?: readonly string[];
  /** If given, only these ids may be returned, as far as the model knows them. */
  readonly allow?: readonly string[];
  /** Items with a lower score are left out, even if fewer than `limit` remain. */
  readonly threshold?: number;
  /**
   * From 0, the best items whatever they are (the default), to 1, items as unlike each other as can
   * be: maximal marginal relevance among the best.
   */
  readonly diversity?: number;
  /** How alike two items are, 0 … 1, for `diversity`. Default: by the words of their categories. */
  readonly similarity?: (a: Item, b: Item) => number;
}

export interface RecommendOptions<Item = CatalogItem> extends RankOptions<Item> {
  /**
   * Item ids, oldest first, instead of the visitor's own history, of which nothing counts then: what
   * the visitor has dismissed may be returned, unless it is in `exclude`. Ids that the model does not
   * know are left out.
   */
  readonly history?: readonly string[];
  /**
   * Whether items of the history are left out: all (true, the default), none (false), or those
   * bought. An overriding `history` has no purchases.
   */
  readonly excludeSeen?: boolean | 'purchased';
  /**
   * Searches by a beam of this width, 1 … 1000, raised to `limit` where lower: its time is known
   * beforehand, but it may miss an item. Without it the search is exact.
   */
  readonly beamWidth?: number;
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
  /** 'halfling', 'od-llm', 'svd-llm', 'svd', 'int8', 'int4', or 'none' for the original. */
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
  /** How many threads share a call's work. */
  readonly threads: number;
  readonly modelBytes: number;
  /** Where the model lies for the next visit. 'memory': nowhere. */
  readonly storage: 'cache' | 'memory';
  /**
   * As of when the catalogue's popularity is, in ISO 8601: as catalog.json says, or else when the
   * server last changed that file. Absent if neither is known.
   */
  readonly popularityDate?: string;
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
  /**
   * Whether the answer is proven to be the best of all that was allowed: not after a beam search, nor
   * after an exact one that would have taken too long.
   */
  readonly exact: boolean;
  /** Tokens that the model ran, of the prompt and of the search. Not told of explain(). */
  readonly tokensRun?: number;
  /** Tokens of the prompt that the call before had already computed. */
  readonly reusedTokens: number;
  /**
   * Requests that the worker has made since the model in use was loaded: 0, unless update() has
   * asked for a newer one meanwhile.
   */
  readonly requestsSinceLoading: number;
}

/** What on() can listen to, and what listeners are given. */
export interface RecommenderEvents {
  /** The history changed, here or in another tab. */
  history: readonly HistoryEvent[];
  /** Consent was given or withdrawn, here or in another tab. */
  consent: boolean;
  /** update() has put another version of the model in place. */
  update: RecommenderInfo;
  /**
   * Something is not stored as it should be, the stored model is older than the server's, threads did
   * not start, or a call has named ids that the model does not know (told of once); all goes on.
   */
  warning: HalflingError;
  /** No call will be answered any more: the worker died, the engine stopped, or dispose() was called. */
  close: HalflingError;
}

/**
 * A loaded model in its own worker, and the visitor's history. Calls run one after another, in the
 * order they were made, and reject with a HalflingError; what the caller's own `toItem`, `filter`,
 * `boost` or `similarity` throws arrives as it is.
 */
export interface Recommender<Item = CatalogItem> {
  /** The catalogue. */
  readonly items: readonly CatalogItem[];
  readonly info: RecommenderInfo;
  /** Whether the model knows the item: what it does not know it can neither return nor explain. */
  has(itemId: string): boolean;
  /** Of the last call of the engine that succeeded. */
  readonly lastCall: CallStats | undefined;
  /**
   * Ranks the catalogue after the history; by popularity while there is none. What the visitor has
   * dismissed is left out, here, in similar() and in trending().
   */
  recommend(options?: RecommendOptions<Item>): Promise<Recommendation<Item>[]>;
  /** What comes next for a visitor of this one item. */
  similar(itemId: string, options?: RankOptions<Item>): Promise<Recommendation<Item>[]>;
  /** The catalogue by popularity in the training data, of the date info.popularityDate. */
  trending(options?: RankOptions<Item>): Promise<Recommendation<Item>[]>;
  /**
   * Which items of the history speak for `itemId`, strongest first: the model is asked again without
   * each of them. One of which `toItem` made undefined counts in the history, but is no reason here.
   */
  explain(
    itemId: string,
    options?: CallOptions & { readonly history?: readonly string[] },
  ): Promise<Reason<Item>[]>;

  /**
   * Adds to the history. The next recommend() knows of it at once; the promise resolves when it is
   * stored, where it may be.
   */
  track(event: TrackEvent): Promise<void>;
  /** All events, oldest first. */
  getHistory(): readonly HistoryEvent[];
  /** What the device knows of the visitor, to be handed over as a JSON file. */
  exportHistory(): HistoryExport;
  /**
   * Adds what another device or a server knows, at once. What is there already is not added again, so
   * it may be called at every visit. Consent is left as it is here. Rejects with 'invalid-event', and
   * then adds nothing.
   */
  importHistory(history: Pick<HistoryExport, 'events'>): Promise<void>;
  /**
   * Forgets all events of one item, a dismissal too, here, on the disk and in other tabs. Rejects as
   * clearHistory() does.
   */
  forget(itemId: string): Promise<void>;
  /**
   * Forgets all events, here, on the disk and in other tabs. Rejects with 'history-not-erased' where
   * the disk may still hold them.
   */
  clearHistory(): Promise<void>;
  /**
   * Whether the history may be stored. `false` deletes the database, or rejects with
   * 'history-not-erased' where that fails; this page goes on without.
   */
  setConsent(granted: boolean): Promise<void>;
  readonly consent: boolean;

  /**
   * Asks for a newer version of the model and puts it in place; calls go on meanwhile. Resolves to
   * whether there was one. Where it rejects, the model in use stays, but for 'engine-stopped' (too
   * little memory for two models, say), which ends the recommender. Calls that overlap are one, with
   * the first's `onProgress`. With `offlineOnly` no network is asked: a newer version is then one that
   * another tab has stored.
   */
  update(options?: Pick<CreateOptions, 'onProgress'>): Promise<boolean>;
  /** Returns the function that stops listening. */
  on<Name extends keyof RecommenderEvents>(
    name: Name,
    listener: (detail: RecommenderEvents[Name]) => void,
  ): () => void;
  /** Ends the worker and so frees its memory; pending and later calls reject with 'disposed'. */
  dispose(): void;
}
