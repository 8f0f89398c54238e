import { describe, expect, it } from 'vitest';

import { Catalog } from '../src/catalog.js';
import type { CatalogItem, RankOptions } from '../src/types.js';

const records: CatalogItem[] = ['x', 'y', 'z'].map((id, i) => ({
  id,
  popularity: i,
  category: `kind ${i % 2}`,
}));
const catalog = new Catalog<CatalogItem>(records);
const nothing = { history: [], hidden: [] };

function errorOf(options: unknown, history: string[] = ['x'], beamWidth?: number): unknown {
  try {
    catalog.toQuery(options as RankOptions, { history, hidden: [] }, beamWidth);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('Catalog.toQuery', () => {
  it('turns ids into indices and fills in the defaults', () => {
    expect(catalog.toQuery({}, { history: ['z', 'x', 'z'], hidden: ['z', 'unknown'] })).toEqual({
      history: Int32Array.of(2, 0, 2),
      wanted: 10,
      threshold: -Infinity,
      diversity: 0,
      limit: 10,
      exclude: Int32Array.of(2),
      allow: null,
      boosts: null,
    });
  });

  it('tells an empty allow-list from none', () => {
    expect(catalog.toQuery({ allow: [] }, nothing).allow).toEqual(new Int32Array());
    expect(catalog.toQuery({ exclude: ['y'] }, nothing).exclude).toEqual(Int32Array.of(1));
  });

  it('makes masks of filters, and of items that the site does not have', () => {
    const odd = (item: { category?: string }) => item.category === 'kind 1';
    expect(catalog.toQuery({ filter: odd }, nothing).allow).toEqual(Int32Array.of(1));
    const both = catalog.toQuery({ filter: (item) => item.id !== 'x', allow: ['x', 'z'] }, nothing);
    expect(both.allow).toEqual(Int32Array.of(2));

    const site = new Catalog(records, ({ id }) => (id === 'y' ? undefined : { sku: `#${id}` }));
    expect(site.toQuery({}, nothing).allow).toEqual(Int32Array.of(0, 2));
    expect(site.toQuery({ filter: ({ sku }) => sku === '#z' }, nothing).allow).toEqual(
      Int32Array.of(2),
    );
  });

  it('makes weights of boosts; one of -Infinity excludes', () => {
    const boost = ({ id }: { id: string }) => ({ x: -Infinity, y: 0.5 })[id] ?? 0;
    const query = catalog.toQuery({ boost, exclude: ['z'] }, nothing);
    expect(query.boosts).toEqual(Float32Array.of(0, 0.5, 0));
    expect([...query.exclude].sort()).toEqual([0, 2]);
  });

  it.each([NaN, Infinity, 'much', undefined, 1_000_001, -1e9])('refuses a boost of %s', (value) => {
    expect(errorOf({ boost: () => value })).toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining('boost of item "x"'),
    });
  });

  it('leaves out ids that the model does not know, and tells of them', () => {
    const told: unknown[] = [];
    const watched = new Catalog<CatalogItem>(records, undefined, (...args) => told.push(args));
    const options = { exclude: ['new', 'y'], allow: ['x', 'newer', 'newest'] };
    const query = watched.toQuery(options, { history: ['old', 'z'], hidden: ['gone'] });
    expect(query).toMatchObject({
      history: Int32Array.of(2),
      exclude: Int32Array.of(1),
      allow: Int32Array.of(0),
    });
    expect(told.sort()).toEqual([
      ['allow', ['newer', 'newest']],
      ['exclude', ['new']],
      ['history', ['old']],
    ]);
  });

  it.each(['exclude', 'allow'])('refuses numbers as ids in %s', (field) => {
    expect(errorOf({ [field]: [50] })).toMatchObject({ code: 'invalid-request' });
  });

  it.each([NaN, 'a', '-2'])('refuses the threshold %s', (threshold) => {
    expect(errorOf({ threshold })).toMatchObject({ code: 'invalid-request' });
  });

  it.each(['filter', 'boost', 'similarity'])('refuses a %s that is no function', (field) => {
    expect(errorOf({ [field]: 'category' })).toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining(`\`${field}\``),
    });
  });

  it.each([0, -1, 1.5, 1001, Number.NaN, Infinity, '10'])('refuses the limit %s', (limit) => {
    expect(errorOf({ limit })).toMatchObject({ code: 'invalid-request' });
    expect(errorOf({}, ['x'], limit as number)).toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining('`beamWidth`'),
    });
  });

  it.each([-0.1, 1.1, NaN])('refuses the diversity %s', (diversity) => {
    expect(errorOf({ diversity })).toMatchObject({ code: 'invalid-request' });
  });

  it('refuses a history that is no array', () => {
    expect(errorOf({}, 'x' as unknown as string[])).toMatchObject({ code: 'invalid-request' });
  });
});

describe('Catalog.rankByPopularity', () => {
  const rank = (options: RankOptions, hidden: string[] = []) =>
    catalog
      .toRecommendations(
        catalog.rankByPopularity(catalog.toQuery(options, { history: [], hidden })),
        'popularity',
      )
      .map(({ id, score }) => `${id} ${Math.exp(score).toFixed(2)}`);

  it('scores by the share of events, with one more for each item', () => {
    expect(rank({})).toEqual(['z 0.50', 'y 0.33', 'x 0.17']);
  });

  it('keeps to filters, exclusions, limit and boosts', () => {
    expect(rank({ exclude: ['z'] })).toEqual(['y 0.33', 'x 0.17']);
    expect(rank({ allow: ['x', 'z'], limit: 1 })).toEqual(['z 0.50']);
    expect(rank({}, ['y'])).toEqual(['z 0.50', 'x 0.17']);
    const boost = ({ id }: { id: string }) => (id === 'x' ? Math.log(2.5) : 0);
    expect(rank({ boost })).toEqual(['z 0.50', 'x 0.17', 'y 0.33']);
  });
});

describe('Catalog.toRecommendations', () => {
  it('adds item, id and rank', () => {
    const scores = Float32Array.of(-0.5, -2);
    const ranking = { items: Int32Array.of(2, 0), scores };
    expect(catalog.toRecommendations(ranking, 'model')).toEqual([
      { item: records[2], id: 'z', score: -0.5, rank: 1, source: 'model' },
      { item: records[0], id: 'x', score: -2, rank: 2, source: 'model' },
    ]);
  });

  it('refuses an item that the catalogue does not have', () => {
    const ranking = { items: Int32Array.of(3), scores: Float32Array.of(-1) };
    expect(() => catalog.toRecommendations(ranking, 'model')).toThrowError(
      expect.objectContaining({ code: 'invalid-catalog' }),
    );
  });
});
