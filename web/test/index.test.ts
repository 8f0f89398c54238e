import { describe, expect, expectTypeOf, it } from 'vitest';

import { toFailure, trapped } from '../src/errors.js';
import * as halfling from '../src/index.js';

describe('on a server', () => {
  it('can be imported', () => {
    expect(Object.keys(halfling).sort()).toEqual([
      'HalflingError',
      'createRecommender',
      'isSupported',
      'modelCache',
    ]);
  });

  it('says that it is not supported, and has no models', async () => {
    expect(await halfling.isSupported()).toBe(false);
    expect(await halfling.modelCache.list()).toEqual([]);
    await expect(halfling.modelCache.clear()).resolves.toBeUndefined();
  });

  it('says what is missing when called', async () => {
    expect(typeof Worker).toBe('undefined');
    await expect(halfling.createRecommender({ model: '/m/' })).rejects.toMatchObject({
      name: 'HalflingError',
      code: 'unsupported-browser',
      message: expect.stringContaining('Worker'),
    });
  });
});

describe('errors between worker and page', () => {
  it('keep code and message', () => {
    const failure = toFailure(new halfling.HalflingError('too-large', 'Too much.'));
    expect(structuredClone(failure)).toEqual({
      ok: false,
      code: 'too-large',
      message: 'Too much.',
    });
  });

  it('turn a trap into engine-stopped, with its text', () => {
    const failure = toFailure(trapped(new WebAssembly.RuntimeError('unreachable')));
    expect(failure.code).toBe('engine-stopped');
    expect(failure.message).toContain('unreachable');
  });
});

describe('types', () => {
  it('say what callers rely on', () => {
    interface Film {
      readonly title: string;
    }
    const create = (options: halfling.CreateOptions) => halfling.createRecommender(options);
    const createFilms = (toItem: () => Film | undefined) =>
      halfling.createRecommender({ model: '/m/', toItem });
    const createPriced = () =>
      halfling.createRecommender({ model: '/m/', toItem: (item) => ({ ...item, price: 1 }) });
    type Priced = halfling.CatalogItem & { price: number };
    expectTypeOf(create).returns.resolves.toEqualTypeOf<halfling.Recommender>();
    expectTypeOf(createPriced).returns.resolves.toMatchTypeOf<halfling.Recommender<Priced>>();
    expectTypeOf(createFilms).returns.resolves.toEqualTypeOf<halfling.Recommender<Film>>();
    type Options = halfling.RecommendOptions<Film>;
    expectTypeOf<{ filter: (film: Film) => boolean }>().toMatchTypeOf<Options>();
    expectTypeOf<{ boost: (film: string) => number }>().not.toMatchTypeOf<Options>();
    expectTypeOf<{ type: 'view'; item: string }>().toMatchTypeOf<halfling.TrackEvent>();
    expectTypeOf<{ type: 'buy'; item: string }>().not.toMatchTypeOf<halfling.TrackEvent>();
    expectTypeOf<{ model: string }>().toMatchTypeOf<halfling.CreateOptions>();
    expectTypeOf<{}>().not.toMatchTypeOf<halfling.CreateOptions>();
    expectTypeOf<{ model: URL; simd: 'fast' }>().not.toMatchTypeOf<halfling.CreateOptions>();
    expectTypeOf<{ history: string[] }>().toMatchTypeOf<halfling.RecommendOptions>();
    expectTypeOf<{ history: number[] }>().not.toMatchTypeOf<halfling.RecommendOptions>();
    expectTypeOf<halfling.HalflingError['code']>().toEqualTypeOf<halfling.HalflingErrorCode>();
    expectTypeOf<'disposed'>().toMatchTypeOf<halfling.HalflingErrorCode>();
  });
});
