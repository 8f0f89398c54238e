// Does with an engine that has a beam search alone what an Engine does by itself.

import type { Explanation, ExplainRequest, Ranking, RankRequest } from '../protocol.js';
import { check, type Answer } from './engine-calls.js';
import type { BeamEngine } from './engine-module.js';

const NO_ITEMS = new Int32Array();
const MAX_LIMIT = 1000; // of the engine
/** How many times `limit` are ranked so that boosts can lift items into it. */
const BOOST_MARGIN = 20;

export function rankByBeam(engine: BeamEngine, request: RankRequest): Answer<Ranking> {
  const { limit, boosts } = request;
  if (!boosts) return recommend(engine, request);
  const margin = { ...request, limit: Math.min(MAX_LIMIT, limit * BOOST_MARGIN) };
  const { value, reusedTokens } = recommend(engine, margin);
  return { value: reorder(value, boosts, limit), reusedTokens };
}

/** An item's score is exact where it alone is allowed. */
export function explainByBeam(
  engine: BeamEngine,
  { item, history }: ExplainRequest,
): Answer<Explanation> {
  let reusedTokens = 0;
  const scoreAfter = (items: Int32Array) => {
    const answer = recommend(engine, {
      history: items,
      limit: 1,
      beamWidth: 1,
      exclude: NO_ITEMS,
      allow: Int32Array.of(item),
    });
    reusedTokens += answer.reusedTokens;
    return answer.value.scores[0] ?? -Infinity;
  };
  const whole = scoreAfter(history);
  const without = new Float32Array(history.length > 1 ? history.length : 0);
  // The last one is left out first: then each prompt begins as the one before it.
  for (let left = without.length - 1; left >= 0; left--) {
    without[left] = scoreAfter(history.filter((_, entry) => entry !== left));
  }
  return { value: { whole, without }, reusedTokens };
}

function recommend(engine: BeamEngine, request: Omit<RankRequest, 'boosts'>): Answer<Ranking> {
  const { history, limit, beamWidth = 20, exclude, allow } = request;
  const outcome = engine.recommend(history, limit, beamWidth, exclude, allow, false);
  check(outcome);
  const { items = NO_ITEMS, scores = new Float32Array(), reusedTokens = 0 } = outcome;
  return { value: { items, scores }, reusedTokens };
}

/** The best `limit` by score and boost together. */
function reorder({ items, scores }: Ranking, boosts: Float32Array, limit: number): Ranking {
  const boosted = (place: number) =>
    (scores[place] as number) + (boosts[items[place] as number] ?? 0);
  const places = [...items.keys()].sort((a, b) => boosted(b) - boosted(a) || a - b);
  const best = places.slice(0, limit);
  return {
    items: Int32Array.from(best, (place) => items[place] as number),
    scores: Float32Array.from(best, (place) => scores[place] as number),
  };
}
