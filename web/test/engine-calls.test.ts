// With a made-up engine: a table of scores instead of a model.

import { describe, expect, it } from 'vitest';

import type { RankRequest } from '../src/protocol.js';
import { explain, rank } from '../src/worker/engine-calls.js';
import type { Engine, EngineRequest } from '../src/worker/engine-module.js';

const NUM_ITEMS = 5;
/** Of `item` after `history`: each entry speaks for its neighbours. */
const scoreOf = (history: Int32Array, item: number) =>
  Math.fround([...history].reduce((sum, entry) => sum - Math.abs(entry - item) / 10, -1));

type Wanted = Pick<RankRequest, 'history' | 'limit' | 'exclude' | 'allow' | 'boosts'>;

function best({ history, limit, exclude, allow, boosts }: Wanted) {
  const value = (item: number) => scoreOf(history, item) + (boosts?.[item] ?? 0);
  const items = Int32Array.from({ length: NUM_ITEMS }, (_, item) => item)
    .filter((item) => !exclude.includes(item) && (allow?.includes(item) ?? true))
    .sort((a, b) => value(b) - value(a))
    .slice(0, limit);
  return {
    ok: true,
    items,
    logProbabilities: Float32Array.from(items, (item) => scoreOf(history, item)),
    exact: true,
    tokensRun: 40,
    reusedTokens: 3,
  };
}

const ignore = { addShard: () => undefined, load: () => ({ ok: true }), delete: () => undefined };

function makeEngine(requests: EngineRequest[] = []): Engine {
  const scores = (all: Int32Array[], item: number) => ({
    ok: true,
    logProbabilities: Float32Array.from(all, (history) => scoreOf(history, item)),
  });
  return {
    ...ignore,
    recommend: (request) => {
      requests.push(request);
      return best(request);
    },
    scoreItems: (history, items) => scores([history], items[0] as number),
    leaveOneOut: (history, item) =>
      scores(
        Array.from(history, (_, left) => history.filter((_, i) => i !== left)),
        item,
      ),
  };
}

const request: RankRequest = {
  history: Int32Array.of(1),
  limit: 2,
  exclude: Int32Array.of(1),
  allow: null,
  boosts: null,
};

describe('with an engine', () => {
  it('ranks', () => {
    const { value, counts } = rank(makeEngine(), request);
    expect([...value.items]).toEqual([0, 2]);
    expect(value.scores[0]).toBeCloseTo(-1.1);
    expect(counts).toEqual({ exact: true, tokensRun: 40, reusedTokens: 3 });
  });

  it('orders by boosts, and leaves them out of the scores', () => {
    const boosts = Float32Array.of(0, 0, 0, 0, 5);
    const { value } = rank(makeEngine(), { ...request, boosts });
    expect([...value.items]).toEqual([4, 0]);
    expect(value.scores[0]).toBeCloseTo(-1.3);
  });

  it('explains by leaving each entry out', () => {
    const { value } = explain(makeEngine(), { item: 0, history: Int32Array.of(1, 4) });
    expect(value.whole).toBeCloseTo(-1.5);
    expect(value.without[0]).toBeCloseTo(-1.4);
    expect(value.without[1]).toBeCloseTo(-1.1);
    const { value: single } = explain(makeEngine(), { item: 0, history: Int32Array.of(4) });
    expect(single.whole).toBeCloseTo(-1.4);
    expect(single.without).toHaveLength(0);
  });

  it('hands the engine’s refusal on', () => {
    const engine = {
      ...makeEngine(),
      recommend: () => ({ ok: false, code: 'too-large', message: 'No.' }),
    };
    expect(() => rank(engine as Engine, request)).toThrowError(
      expect.objectContaining({ code: 'too-large', message: 'No.' }),
    );
  });
});

describe('the search', () => {
  it('says whether it is proven', () => {
    expect(rank(makeEngine(), request).counts.exact).toBe(true);
    expect(explain(makeEngine(), { item: 0, history: Int32Array.of(1, 4) }).counts).toEqual({
      exact: true,
      reusedTokens: 0,
    });
  });

  it('is exact, unless a beam width is named', () => {
    const requests: EngineRequest[] = [];
    rank(makeEngine(requests), request);
    rank(makeEngine(requests), { ...request, beamWidth: 7 });
    expect(requests[0]).toMatchObject({ search: 'exact', excludeSeen: false });
    expect(requests[1]).toMatchObject({ search: 'beam', beamWidth: 7 });
  });
});
