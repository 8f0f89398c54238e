export { createRecommender } from './create-recommender.js';
export { HalflingError } from './errors.js';
export { modelCache } from './model-cache.js';
export { isSupported } from './support.js';
export type { BrowserErrorCode, EngineErrorCode, HalflingErrorCode } from './errors.js';
export type { StoredModel } from './model-cache.js';
export type {
  CallOptions,
  CallStats,
  CatalogItem,
  Compression,
  CreateOptions,
  Evaluation,
  EventType,
  HistoryEvent,
  HistoryExport,
  HistoryOptions,
  Interval,
  LoadProgress,
  MetricName,
  Metrics,
  RankOptions,
  Reason,
  Recommendation,
  Recommender,
  RecommenderEvents,
  RecommenderInfo,
  RecommendOptions,
  ScriptUrl,
  Simd,
  TrackEvent,
  WasmFile,
} from './types.js';
