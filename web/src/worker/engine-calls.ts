// What the session asks of the engine, and how.

import { HalflingError } from '../errors.js';
import type { Explanation, ExplainRequest, Ranking, RankRequest } from '../protocol.js';
import type { Engine, Outcome, RankingOutcome } from './engine-module.js';

export interface Answer<T> {
  readonly value: T;
  /** Tokens of the prompt that were computed by the call before. */
  readonly reusedTokens: number;
}

const NO_ITEMS = new Int32Array();
const MAX_LIMIT = 1000; // of the engine
/** How many times `limit` a beam ranks so that boosts can lift items into it. */
const BOOST_MARGIN = 20;

export function check(outcome: Outcome): void {
  if (outcome.ok) return;
  throw new HalflingError(
    outcome.code ?? 'engine-stopped',
    outcome.message ?? 'The engine failed without saying why.',
  );
}

export function rank(engine: Engine, request: RankRequest): Answer<Ranking> {
  const { limit, boosts } = request;
  if (!boosts) return recommend(engine, request);
  const margin = { ...request, limit: Math.min(MAX_LIMIT, limit * BOOST_MARGIN) };
  const { value, reusedTokens } = recommend(engine, margin);
  return { value: reorder(value, boosts, limit), reusedTokens };
}

/** The item's score after the whole history, and after it without each of its entries. */
export function explain(engine: Engine, { item, history }: ExplainRequest): Answer<Explanation> {
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

function recommend(engine: Engine, request: Omit<RankRequest, 'boosts'>): Answer<Ranking> {
  const { history, limit, beamWidth, exclude, allow } = request;
  const outcome: RankingOutcome = engine.recommend(
    history,
    limit,
    beamWidth,
    exclude,
    allow,
    false,
  );
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
