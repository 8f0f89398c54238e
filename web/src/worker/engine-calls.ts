// What the session asks of the engine, and how.

import { HalflingError } from '../errors.js';
import type { Explanation, ExplainRequest, Ranking, RankRequest } from '../protocol.js';
import type { CallStats } from '../types.js';
import type { Engine, Outcome } from './engine-module.js';

export interface Answer<T> {
  readonly value: T;
  readonly counts: Pick<CallStats, 'exact' | 'tokensRun' | 'reusedTokens'>;
}

export function check(outcome: Outcome): void {
  if (outcome.ok) return;
  throw new HalflingError(
    outcome.code ?? 'engine-stopped',
    outcome.message ?? 'The engine failed without saying why.',
  );
}

/** Exact, unless the request names a beam width. */
export function rank(engine: Engine, request: RankRequest): Answer<Ranking> {
  const { beamWidth, ...rest } = request;
  const outcome = engine.recommend({
    ...rest,
    search: beamWidth === undefined ? 'exact' : 'beam',
    beamWidth: beamWidth ?? 1,
    excludeSeen: false,
  });
  check(outcome);
  const { items = new Int32Array(), logProbabilities = new Float32Array() } = outcome;
  const { exact = false, tokensRun = 0, reusedTokens = 0 } = outcome;
  return { value: { items, scores: logProbabilities }, counts: { exact, tokensRun, reusedTokens } };
}

/** The item's score after the whole history, and after it without each of its entries. */
export function explain(engine: Engine, request: ExplainRequest): Answer<Explanation> {
  const { history, item } = request;
  const scored = engine.scoreItems(history, Int32Array.of(item));
  check(scored);
  const whole = scored.logProbabilities?.[0] ?? -Infinity;
  const counts = { exact: true, reusedTokens: 0 };
  if (history.length < 2) return { value: { whole, without: new Float32Array() }, counts };
  const outcome = engine.leaveOneOut(history, item);
  check(outcome);
  const without = outcome.logProbabilities ?? new Float32Array();
  return { value: { whole, without }, counts };
}
