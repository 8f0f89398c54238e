// Ranks with each model again whenever the picks change.

import type { CallStats, Recommendation, Recommender } from 'halfling';
import { useEffect, useState } from 'preact/hooks';

import { MODEL_KEYS, messageOf, recommenderOf, type ModelKey, type Models } from './models';

export interface RankingResult {
  readonly recommendations: readonly Recommendation[];
  readonly stats: CallStats | undefined;
  readonly error?: string;
}

export type Rankings = Readonly<Partial<Record<ModelKey, RankingResult>>>;

export const LIST_LENGTH = 10;

/** Without picks there is nothing to rank after: the result is empty then. */
export function useRankings(models: Models, picks: readonly string[]): Rankings {
  const [rankings, setRankings] = useState<Rankings>({});
  const half = recommenderOf(models.half);
  const original = recommenderOf(models.original);

  useEffect(() => {
    if (picks.length === 0) {
      setRankings({});
      return;
    }
    const outdated = new AbortController();
    const rank = async (recommender: Recommender): Promise<RankingResult> => {
      try {
        const { signal } = outdated;
        const options = { history: picks, limit: LIST_LENGTH, signal };
        const recommendations = await recommender.recommend(options);
        return { recommendations, stats: recommender.lastCall };
      } catch (error) {
        return { recommendations: [], stats: undefined, error: messageOf(error) };
      }
    };
    // One after the other, so that neither spoils the other's time.
    void (async () => {
      for (const key of MODEL_KEYS) {
        const recommender = { half, original }[key];
        if (!recommender) continue;
        const result = await rank(recommender);
        if (outdated.signal.aborted) return;
        setRankings((all) => ({ ...all, [key]: result }));
      }
    })();
    return () => outdated.abort();
  }, [half, original, picks]);

  return rankings;
}
