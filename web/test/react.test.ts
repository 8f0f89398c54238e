// What a server renders, and the hooks over a made-up recommender; with a real one they are at work in
// tests/browser.

import { createElement } from 'react';
import type { Root } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { HalflingError, type CreateOptions, type Recommender } from '../src/index.js';
import {
  useRecommendations,
  useRecommender,
  type ListQuery,
  type ListState,
  type RecommenderState,
} from '../src/react.js';
import { createTestRoot, settle } from './react-root.js';

const { createRecommender } = vi.hoisted(() => ({
  createRecommender: vi.fn<(options: CreateOptions) => Promise<Recommender>>(),
}));
vi.mock('../src/index.js', async (original) => ({
  ...(await original<object>()),
  createRecommender,
}));

/** Answers when it is told to, with one item that is named after the query's limit. */
function makeRecommender() {
  const listeners = new Map<string, Set<(detail: never) => void>>();
  const answers: (() => void)[] = [];
  const made = {
    recommend: vi.fn(
      ({ limit }: ListQuery<unknown>) =>
        new Promise((resolve) => {
          answers.push(() => resolve([{ id: `one of ${limit}` }]));
        }),
    ),
    on(name: string, listener: (detail: never) => void) {
      listeners.set(name, (listeners.get(name) ?? new Set()).add(listener));
      return () => void listeners.get(name)?.delete(listener);
    },
    emit(name: string, detail: unknown) {
      for (const listener of listeners.get(name) ?? []) listener(detail as never);
    },
    listening: () => [...listeners.values()].reduce((sum, { size }) => sum + size, 0),
    answer: () => settle(() => answers.splice(0).forEach((resolve) => resolve())),
    dispose: vi.fn(),
  };
  return made as typeof made & Recommender;
}

let root: Root | undefined;
afterEach(async () => {
  await settle(() => root?.unmount());
  root = undefined;
  vi.unstubAllGlobals();
});

describe('on a server', () => {
  function Shelf() {
    const { recommender, error } = useRecommender({ model: '/model/' });
    const { status, recommendations } = useRecommendations(recommender, { limit: 3 });
    return createElement('p', null, `${status}, ${recommendations.length}, ${error?.code}`);
  }

  it('the hooks render their loading state', () => {
    expect(renderToString(createElement(Shelf))).toBe('<p>loading, 0, undefined</p>');
  });

  it('the element’s module can be imported', async () => {
    const { HalflingRecommendations } = await import('../src/element.js');
    expect(HalflingRecommendations).toBeTypeOf('function');
  });
});

describe('useRecommendations', () => {
  interface Props {
    readonly recommender: Recommender | undefined;
    readonly limit: number;
    readonly stock?: number;
  }
  const states: ListState<unknown>[] = [];
  const shown = () =>
    states.map(({ status, recommendations }) => `${status} ${recommendations[0]?.id ?? '-'}`);

  function Probe({ recommender, limit, stock = 0 }: Props) {
    const query = { limit, filter: () => stock > 0 };
    states.push(useRecommendations(recommender, query, [stock]));
    return null;
  }
  async function render(props: Props): Promise<void> {
    root ??= await createTestRoot();
    states.length = 0;
    await settle(() => root?.render(createElement(Probe, props)));
  }

  it('keeps what it shows until a changed query is answered', async () => {
    const recommender = makeRecommender();
    await render({ recommender, limit: 1 });
    await recommender.answer();
    expect(shown().at(-1)).toBe('ready one of 1');
    expect(recommender.recommend).toHaveBeenCalledTimes(1);

    await render({ recommender, limit: 2 });
    expect(shown().at(-1)).toBe('loading one of 1');
    await recommender.answer();
    expect(shown().at(-1)).toBe('ready one of 2');
    expect(shown().filter((state) => state.endsWith('-'))).toEqual([]);
    expect(recommender.recommend).toHaveBeenCalledTimes(2);
  });

  it('asks again when one of deps changes, not for a new function', async () => {
    const recommender = makeRecommender();
    await render({ recommender, limit: 1 });
    await render({ recommender, limit: 1 });
    expect(recommender.recommend).toHaveBeenCalledTimes(1);
    await render({ recommender, limit: 1, stock: 5 });
    expect(recommender.recommend).toHaveBeenCalledTimes(2);
    const { filter } = recommender.recommend.mock.lastCall?.[0] ?? {};
    expect(filter?.(undefined)).toBe(true);
  });

  it('tells once that the recommender has closed, also where a call waits', async () => {
    const only = makeRecommender();
    await render({ recommender: only, limit: 1 });
    states.length = 0;
    await settle(() => only.emit('close', new HalflingError('worker-died', 'It died.')));
    await only.answer();
    expect(shown()).toEqual(['error -']);
  });

  it('begins anew with another recommender, and leaves the first alone', async () => {
    const [first, second] = [makeRecommender(), makeRecommender()];
    await render({ recommender: first, limit: 1 });
    await first.answer();
    await render({ recommender: second, limit: 1 });
    expect(shown().at(-1)).toBe('loading -');
    expect(first.listening()).toBe(0);
    expect(second.recommend).toHaveBeenCalledTimes(1);
    await render({ recommender: undefined, limit: 2 });
    expect(shown().at(-1)).toBe('loading -');
    expect(second.listening()).toBe(0);
  });
});

describe('useRecommender', () => {
  let state: RecommenderState | undefined;

  function Probe() {
    state = useRecommender({ model: '/model/' });
    return null;
  }

  it('tells of a worker that died, and starts another', async () => {
    const [first, second] = [makeRecommender(), makeRecommender()];
    createRecommender.mockResolvedValueOnce(first).mockResolvedValueOnce(second);
    root = await createTestRoot();
    await settle(() => root?.render(createElement(Probe)));
    expect(state?.recommender).toBe(first);

    const died = new HalflingError('worker-died', 'It died.');
    await settle(() => first.emit('close', died));
    expect(state).toMatchObject({ error: died });
    expect(state?.recommender).toBeUndefined();
    await settle(() => state?.retry());
    expect(state).toMatchObject({ recommender: second });
    expect(state?.error).toBeUndefined();
    expect(first.dispose).toHaveBeenCalled();
  });

  it('says nothing of a recommender that it has disposed of itself', async () => {
    const only = makeRecommender();
    only.dispose.mockImplementation(() => {
      only.emit('close', new HalflingError('disposed', 'It was disposed of.'));
    });
    createRecommender.mockResolvedValueOnce(only);
    root = await createTestRoot();
    await settle(() => root?.render(createElement(Probe)));
    await settle(() => root?.unmount());
    root = undefined;
    expect(only.dispose).toHaveBeenCalledTimes(1);
    expect(state?.error).toBeUndefined();
  });
});
