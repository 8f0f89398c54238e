// Entry for script tags: everything but React, as the global `halfling`.

export * from './index.js';
export { HalflingRecommendations } from './element.js';
