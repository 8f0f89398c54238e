export { createRecommender } from './create-recommender.js';
export { HalflingError } from './errors.js';
export type { BrowserErrorCode, EngineErrorCode, HalflingErrorCode } from './errors.js';
export type {
  CallStats,
  CatalogItem,
  Compression,
  CreateOptions,
  Evaluation,
  Interval,
  LoadProgress,
  MetricName,
  Metrics,
  Recommendation,
  Recommender,
  RecommenderInfo,
  RecommendOptions,
  Simd,
} from './types.js';
