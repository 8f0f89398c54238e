// What the session asks of the engine, and how.

import { HalflingError } from '../errors.js';
import type { Explanation, ExplainRequest, Ranking, RankRequest } from '../protocol.js';
import { explainByBeam, rankByBeam } from './beam-engine.js';
import type { BeamEngine, Engine, Outcome } from './engine-module.js';

export interface Answer<T> {
  readonly value: T;
  /** Tokens of the prompt that were computed by the call before. */
  readonly reusedTokens: number;
}

export function check(outcome: Outcome): void {
  if (outcome.ok) return;
  throw new HalflingError(
    outcome.code ?? 'engine-stopped',
    outcome.message ?? 'The engine failed without saying why.',
  );
}

function isExact(engine: Engine | BeamEngine): engine is Engine {
  return 'leaveOneOut' in engine;
}

/** Exact, unless the request names a beam width. */
export function rank(engine: Engine | BeamEngine, request: RankRequest): Answer<Ranking> {
  if (!isExact(engine)) return rankByBeam(engine, request);
  const { beamWidth, ...rest } = request;
  const outcome = engine.recommend({
    ...rest,
    search: beamWidth === undefined ? 'exact' : 'beam',
    beamWidth: beamWidth ?? 1,
    excludeSeen: false,
  });
  check(outcome);
  const { items = new Int32Array(), logProbabilities = new Float32Array() } = outcome;
  return { value: { items, scores: logProbabilities }, reusedTokens: outcome.reusedTokens ?? 0 };
}

/** The item's score after the whole history, and after it without each of its entries. */
export function explain(engine: Engine | BeamEngine, request: ExplainRequest): Answer<Explanation> {
  if (!isExact(engine)) return explainByBeam(engine, request);
  const { history, item } = request;
  const scored = engine.scoreItems(history, Int32Array.of(item));
  check(scored);
  const whole = scored.logProbabilities?.[0] ?? -Infinity;
  if (history.length < 2) return { value: { whole, without: new Float32Array() }, reusedTokens: 0 };
  const outcome = engine.leaveOneOut(history, item);
  check(outcome);
  const without = outcome.logProbabilities ?? new Float32Array();
  return { value: { whole, without }, reusedTokens: 0 };
}
