// Maximal marginal relevance (Carbonell and Goldstein, 1998): items are taken one by one, each the
// best by what it is worth less what it is like those already taken.

import type { CatalogItem, Recommendation } from './types.js';

/** Jaccard index of the words of both categories. */
export function categorySimilarity(a: CatalogItem, b: CatalogItem): number {
  const words = (item: CatalogItem) =>
    new Set(item.category?.toLowerCase().match(/[\p{L}\p{N}-]+/gu));
  const [first, second] = [words(a), words(b)];
  const common = [...first].filter((word) => second.has(word)).length;
  const all = first.size + second.size - common;
  return all === 0 ? 0 : common / all;
}

/**
 * `diversity` from 0, which keeps the order of `ranked`, to 1. Relevance is the place in `ranked`,
 * from 1 down to 0: unlike scores, it is spread alike for every history and under every boost.
 */
export function diversify<Item>(
  ranked: readonly Recommendation<Item>[],
  limit: number,
  diversity: number,
  similarity: (a: Recommendation<Item>, b: Recommendation<Item>) => number,
): Recommendation<Item>[] {
  const rest = ranked.map((candidate, place) => ({
    candidate,
    relevance: 1 - place / ranked.length,
    likeness: 0,
  }));
  const taken: Recommendation<Item>[] = [];
  while (taken.length < limit && rest.length > 0) {
    const worth = ({ relevance, likeness }: (typeof rest)[number]) =>
      (1 - diversity) * relevance - diversity * likeness;
    const best = rest.reduce((a, b) => (worth(b) > worth(a) ? b : a));
    rest.splice(rest.indexOf(best), 1);
    taken.push({ ...best.candidate, rank: taken.length + 1 });
    for (const other of rest) {
      other.likeness = Math.max(other.likeness, similarity(best.candidate, other.candidate));
    }
  }
  return taken;
}
