import { describe, expect, it } from 'vitest';

import { Catalog } from '../src/request.js';
import type { RecommendOptions } from '../src/types.js';

const items = ['x', 'y', 'z'].map((id, i) => ({ id, popularity: i }));
const catalog = new Catalog(items);

function errorOf(options: unknown): unknown {
  try {
    catalog.toRequest(options as RecommendOptions);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('Catalog.toRequest', () => {
  it('turns ids into indices and fills in the defaults', () => {
    expect(catalog.toRequest({ history: ['z', 'x', 'z'] })).toEqual({
      history: Int32Array.of(2, 0, 2),
      limit: 10,
      beamWidth: 20,
      exclude: new Int32Array(),
      allow: null,
      excludeSeen: true,
    });
  });

  it('tells an empty allow-list from none', () => {
    expect(catalog.toRequest({ history: [], allow: [] }).allow).toEqual(new Int32Array());
    expect(catalog.toRequest({ history: [], exclude: ['y'] }).exclude).toEqual(Int32Array.of(1));
  });

  it.each(['history', 'exclude', 'allow'])('names an unknown id in %s', (field) => {
    expect(errorOf({ history: ['x'], [field]: ['y', 'nobody'] })).toMatchObject({
      code: 'unknown-item',
      message: expect.stringContaining(`\`${field}\` names the item "nobody"`),
    });
  });

  it.each([0, -1, 1.5, 1001, Number.NaN, Infinity, '10'])('refuses the limit %s', (limit) => {
    expect(errorOf({ history: ['x'], limit })).toMatchObject({ code: 'invalid-request' });
    expect(errorOf({ history: ['x'], beamWidth: limit })).toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining('`beamWidth`'),
    });
  });

  it('refuses a history that is no array', () => {
    expect(errorOf({ history: 'x' })).toMatchObject({ code: 'invalid-request' });
    expect(errorOf({})).toMatchObject({ code: 'invalid-request' });
  });
});

describe('Catalog.toRecommendations', () => {
  const stats = { milliseconds: 1, reusedTokens: 0, requestsSinceLoading: 0 };

  it('adds item, id and rank', () => {
    const scores = Float32Array.of(-0.5, -2);
    expect(catalog.toRecommendations({ items: Int32Array.of(2, 0), scores, stats })).toEqual([
      { item: items[2], id: 'z', score: -0.5, rank: 1 },
      { item: items[0], id: 'x', score: -2, rank: 2 },
    ]);
  });

  it('refuses an item that the catalogue does not have', () => {
    const ranking = { items: Int32Array.of(3), scores: Float32Array.of(-1), stats };
    expect(() => catalog.toRecommendations(ranking)).toThrowError(
      expect.objectContaining({ code: 'invalid-catalog' }),
    );
  });
});
