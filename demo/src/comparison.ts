// Both models asked the same: what they rank, and in what time.

import type { Recommendation, Recommender } from 'halfling';
import { useEffect, useState } from 'preact/hooks';

import { MODEL_KEYS, messageOf, recommenderOf, type ModelKey, type Models } from './models';

export interface Ranking {
  readonly recommendations: readonly Recommendation[];
  /** In the engine, from scratch: the median of several. */
  readonly milliseconds: number;
  readonly error?: string;
}

export type Comparison = Readonly<Partial<Record<ModelKey, Ranking>>>;

export const LIST_LENGTH = 10;
const RUNS = 5;

async function rank(
  recommender: Recommender,
  history: readonly string[],
  signal: AbortSignal,
): Promise<Ranking> {
  const times: number[] = [];
  let recommendations: readonly Recommendation[] = [];
  for (let run = 0; run < RUNS; run++) {
    // Another visitor in between, or the engine would go on from what it has already computed.
    const other = recommender.items.slice(run, run + 1).map(({ id }) => id);
    await recommender.recommend({ history: other, limit: 1, signal });
    recommendations = await recommender.recommend({ history, limit: LIST_LENGTH, signal });
    times.push(recommender.lastCall?.milliseconds ?? NaN);
  }
  return {
    recommendations,
    milliseconds: times.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? NaN,
  };
}

/** Of this history alone: empty without one, and while there is no ranking after it yet. */
export function useComparison(models: Models, history: readonly string[]): Comparison {
  const [answer, setAnswer] = useState<{ after: string; comparison: Comparison }>();
  const half = recommenderOf(models.half);
  const original = recommenderOf(models.original);
  const after = history.join();

  useEffect(() => {
    const outdated = new AbortController();
    const { signal } = outdated;
    // One after the other, so that neither spoils the other's time.
    void (async () => {
      for (const key of MODEL_KEYS) {
        const recommender = { half, original }[key];
        if (!recommender || history.length === 0) continue;
        const ranking = await rank(recommender, history, signal).catch((error: unknown) => ({
          recommendations: [],
          milliseconds: NaN,
          error: messageOf(error),
        }));
        if (signal.aborted) return;
        setAnswer((last) => {
          const others = last?.after === after ? last.comparison : {};
          return { after, comparison: { ...others, [key]: ranking } };
        });
      }
    })();
    return () => outdated.abort();
  }, [half, original, after]);

  return answer?.after === after ? answer.comparison : {};
}
