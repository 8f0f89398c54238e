import { describe, expect, it } from 'vitest';

import { categorySimilarity, diversify } from '../src/diversity.js';
import type { Recommendation } from '../src/types.js';

const ranked = ['war 1', 'war 2', 'war 3', 'love 1', 'love 2', 'robots 1'].map(
  (id, i): Recommendation => ({
    id,
    item: { id, category: id.split(' ')[0] as string, popularity: 1 },
    score: -i,
    rank: i + 1,
    source: 'model',
  }),
);
const similarity = (a: Recommendation, b: Recommendation) => categorySimilarity(a.item, b.item);
const choose = (limit: number, diversity: number) =>
  diversify(ranked, limit, diversity, similarity).map(({ id }) => id);

describe('diversify', () => {
  it('of 0 keeps the order, of 1 takes another kind as long as there is one', () => {
    expect(choose(4, 0)).toEqual(['war 1', 'war 2', 'war 3', 'love 1']);
    const kinds = choose(3, 1).map((id) => id.split(' ')[0]);
    expect(new Set(kinds).size).toBe(3);
  });

  it('weighs the two against each other between', () => {
    expect(choose(3, 0.2)).toEqual(['war 1', 'war 2', 'love 1']);
    expect(choose(3, 0.5)).toEqual(['war 1', 'love 1', 'robots 1']);
  });

  it('ranks anew, and ends with what there is', () => {
    const chosen = diversify(ranked, 10, 0.5, similarity);
    expect(chosen.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(chosen.map(({ id }) => id)).size).toBe(6);
    expect(diversify([], 10, 0.5, similarity)).toEqual([]);
  });
});

describe('categorySimilarity', () => {
  const of = (a?: string, b?: string) => {
    const item = (category?: string) => ({ id: '', popularity: 0, ...(category && { category }) });
    return categorySimilarity(item(a), item(b));
  };
  it('is the share of common words', () => {
    expect(of('Drama, War', 'war, drama')).toBe(1);
    expect(of('Drama, War', 'Drama|Sci-Fi')).toBeCloseTo(1 / 3);
    expect(of('Fantasy', 'Fiction')).toBe(0);
    expect(of(undefined, undefined)).toBe(0);
  });
});
