// createRecommender over a made-up worker.

import 'fake-indexeddb/auto';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createRecommender } from '../src/create-recommender.js';

const { close, started } = vi.hoisted(() => ({ close: vi.fn(), started: vi.fn() }));
vi.mock('../src/worker-connection.js', () => ({
  WorkerConnection: class {
    close = close;
    open = () => Promise.resolve(started());
    call = () => Promise.resolve({ items: [{ id: 'a', popularity: 1 }], info: {}, warnings: [] });
    onClose = () => undefined;
  },
}));

beforeEach(() => {
  vi.stubGlobal('Worker', class {});
  vi.stubGlobal('navigator', { locks: {} });
  vi.stubGlobal('location', { href: 'https://shop.example/' });
});
afterEach(() => {
  vi.unstubAllGlobals();
  close.mockClear();
  started.mockClear();
});

describe('createRecommender', () => {
  it('gives what it has loaded', async () => {
    const recommender = await createRecommender({ model: '/model/' });
    expect(recommender.items).toHaveLength(1);
    expect(close).not.toHaveBeenCalled();
    recommender.dispose();
  });

  it.each([
    ['createRecommender() options', undefined],
    ['model', {}],
    ['model', { model: 5 }],
    ['wasmUrl', { model: '/model/', wasmUrl: '/halfling/halfling.wasm' }],
    ['history', { model: '/model/', history: null }],
    ['history.consent', { model: '/model/', history: { consent: 'false' } }],
    ['history.ttlDays', { model: '/model/', history: { ttlDays: 0 } }],
    ['simd', { model: '/model/', simd: 'none' }],
    ['cache', { model: '/model/', cache: 'false' }],
    ['offlineOnly', { model: '/model/', offlineOnly: 1 }],
    ['toItem', { model: '/model/', toItem: {} }],
    ['onProgress', { model: '/model/', onProgress: 'log' }],
  ])('refuses a wrong `%s` before it asks for anything: %j', async (name, options) => {
    await expect(createRecommender(options as never)).rejects.toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining(`\`${name}\` is`),
    });
    expect(started).not.toHaveBeenCalled();
  });

  it('hears an abort while the history opens', async () => {
    const stop = new AbortController();
    const creating = createRecommender({
      model: '/model/',
      signal: stop.signal,
      toItem: (item) => {
        stop.abort('gone'); // the model is loaded by now
        return item;
      },
    });
    await expect(creating).rejects.toMatchObject({ code: 'aborted', cause: 'gone' });
    expect(close).toHaveBeenCalled();
  });

  it('ends the worker when toItem throws, with what that threw', async () => {
    const thrown = new Error('no such product');
    const toItem = (): undefined => {
      throw thrown;
    };
    await expect(createRecommender({ model: '/model/', toItem })).rejects.toBe(thrown);
    expect(close).toHaveBeenCalledTimes(1);
  });
});
