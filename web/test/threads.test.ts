// How many threads a page gets, and what the worker does when they do not start.

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { resolveWasmUrls } from '../src/addresses.js';
import { chooseThreads } from '../src/threads.js';
import { loadEngine } from '../src/worker/engine-loader.js';
import type { ModuleFactory } from '../src/worker/engine-module.js';
import { FileServer } from './file-server.js';
import { EMPTY_WASM, makeModule } from './made-up-engine.js';

describe('the number of threads', () => {
  afterEach(() => vi.unstubAllGlobals());

  function stubPage(crossOriginIsolated: boolean, hardwareConcurrency?: number): void {
    vi.stubGlobal('crossOriginIsolated', crossOriginIsolated);
    vi.stubGlobal('navigator', { hardwareConcurrency });
  }

  it('is one where the page is not isolated', () => {
    stubPage(false, 8);
    expect(chooseThreads({})).toBe(1);
    expect(chooseThreads({ threads: 4 })).toBe(1);
  });

  it('is one where an isolated page has no shared memory', () => {
    stubPage(true, 8);
    vi.stubGlobal('SharedArrayBuffer', undefined); // as in WebKit on Linux
    expect(chooseThreads({ threads: 4 })).toBe(1);
  });

  it('is as many as there are processors, up to four, or to what is wanted', () => {
    stubPage(true, 8);
    expect(chooseThreads({})).toBe(4);
    expect(chooseThreads({ threads: 'auto' })).toBe(4);
    expect(chooseThreads({ threads: 1 })).toBe(1);
    expect(chooseThreads({ threads: 6 })).toBe(6);
    expect(chooseThreads({ threads: 64 })).toBe(8);
    stubPage(true, 128);
    expect(chooseThreads({ threads: 64 })).toBe(32);
    stubPage(true, 2);
    expect(chooseThreads({})).toBe(2);
    stubPage(true);
    expect(chooseThreads({})).toBe(1);
  });

  it('is one where the worker is elsewhere and the threaded one is not said to be', () => {
    stubPage(true, 8);
    expect(chooseThreads({ workerUrl: '/w.js' })).toBe(1);
    expect(chooseThreads({ workerUrl: '/w.js', threadedWorkerUrl: '/t.js' })).toBe(4);
  });

  it.each([0, -1, 1.5, NaN, Infinity, 'many' as 'auto'])('cannot be %s', (threads) => {
    stubPage(true, 8);
    expect(() => chooseThreads({ threads })).toThrowError(
      expect.objectContaining({ code: 'invalid-request' }),
    );
  });
});

describe('the wasm files', () => {
  it('are those with or without threads, as given or beside the module', () => {
    vi.stubGlobal('location', { href: 'https://shop.example/page/' });
    const given = { relaxed: '/r.wasm', relaxedThreads: '/rt.wasm' };
    expect(resolveWasmUrls(given, 1)).toMatchObject({
      baseline: expect.stringMatching(/\/halfling\.wasm$/),
      relaxed: 'https://shop.example/r.wasm',
    });
    expect(resolveWasmUrls(given, 2)).toMatchObject({
      baseline: expect.stringMatching(/\/halfling-threads\.wasm$/),
      relaxed: 'https://shop.example/rt.wasm',
    });
    vi.unstubAllGlobals();
  });
});

describe('the threaded engine', () => {
  let server: FileServer;
  beforeAll(async () => {
    server = await FileServer.start();
  });
  afterAll(() => server.stop());
  afterEach(() => vi.useRealTimers());

  function load(factory: ModuleFactory, threads: number) {
    const url = server.put('/halfling.wasm', { body: EMPTY_WASM });
    const wasmUrls = { baseline: url, relaxed: url };
    const request = { simd: 'baseline', wasmUrls, threads } as const;
    return loadEngine(request, { baseline: factory, relaxed: factory }, 'b1');
  }

  it('has a worker less than threads, for the engine has its own', async () => {
    const helpers: unknown[] = [];
    const factory: ModuleFactory = (options) => {
      helpers.push(options.helpers);
      return Promise.resolve(makeModule('b1'));
    };
    expect(await load(factory, 3)).toMatchObject({ threads: 3 });
    expect(await load(factory, 1)).toMatchObject({ threads: 1 });
    expect(helpers).toEqual([2, 0]);
  });

  it('says no-threads whatever is wrong with it', async () => {
    const refusing = () => Promise.reject(new Error('no shared memory'));
    await expect(load(refusing, 2)).rejects.toMatchObject({
      code: 'no-threads',
      message: expect.stringContaining('no shared memory'),
    });
    await expect(load(refusing, 1)).rejects.toMatchObject({ code: 'wasm-invalid' });
    const older = () => Promise.resolve(makeModule('b0'));
    await expect(load(older, 2)).rejects.toMatchObject({ code: 'no-threads' });
  });

  it('gives up on workers that say nothing', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let begin = () => undefined as void;
    const began = new Promise<void>((resolve) => (begin = resolve));
    const silent: ModuleFactory = () => {
      begin();
      return new Promise(() => undefined);
    };
    const refused = expect(load(silent, 2)).rejects.toMatchObject({ code: 'no-threads' });
    await began;
    await vi.advanceTimersByTimeAsync(10_000);
    await refused;
  });
});
