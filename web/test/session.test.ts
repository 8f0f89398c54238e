// The worker's side with a made-up engine: what it does when downloads or the engine go wrong.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { LoadRequest, RankRequest } from '../src/protocol.js';
import type { Engine } from '../src/worker/engine-module.js';
import { Session } from '../src/worker/session.js';
import { FileServer } from './file-server.js';
import { makeCaches } from './made-up-caches.js';
import { EMPTY_WASM, makeModule } from './made-up-engine.js';
import { serveTinyModel, SHARD, tinyManifest } from './tiny-model.js';

const BUILD = 'b1';
const REQUEST: RankRequest = {
  history: Int32Array.of(0),
  limit: 1,
  beamWidth: 20,
  exclude: new Int32Array(),
  allow: null,
  boosts: null,
};

let server: FileServer;
let request: LoadRequest;
beforeAll(async () => {
  server = await FileServer.start();
});
afterAll(() => server.stop());

beforeEach(() => {
  const baseline = server.put('/halfling.wasm', { body: EMPTY_WASM });
  request = {
    manifestUrl: serveTinyModel(server),
    wasmUrls: { baseline, relaxed: baseline },
    simd: 'baseline',
    threads: 1,
    cache: false,
    offlineOnly: false,
  };
});

/** A session whose engine does what `methods` say; each start of the wasm is of the next build. */
function makeSession(methods: Partial<Engine> = {}, ...builds: string[]): Session {
  const factory = () => Promise.resolve(makeModule(builds.shift() ?? BUILD, methods));
  return new Session(BUILD, { baseline: factory, relaxed: factory });
}

const ignore = () => undefined;

/** What a page has that Node has not; each test that stores models begins with nothing stored. */
function stubBrowser(): void {
  vi.stubGlobal('caches', makeCaches());
  vi.stubGlobal('navigator', { locks: { request: (_: string, work: () => unknown) => work() } });
}
afterEach(() => vi.unstubAllGlobals());

describe('a session', () => {
  it('loads, reports progress to the end, and ranks', async () => {
    const session = makeSession();
    let loaded = 0;
    const reply = await session.load(request, ({ loadedBytes }) => {
      loaded = loadedBytes;
    });
    expect(reply).toMatchObject({
      ok: true,
      value: { info: { name: 'tiny', modelBytes: loaded } },
    });
    expect(await session.rank(REQUEST)).toMatchObject({ ok: true });
  });

  it('never ranks again after a trap', async () => {
    let calls = 0;
    const session = makeSession({
      recommend: () => {
        calls += 1;
        throw new WebAssembly.RuntimeError('unreachable');
      },
    });
    await session.load(request, ignore);
    const first = await session.rank(REQUEST);
    expect(first).toMatchObject({ ok: false, code: 'engine-stopped' });
    expect(await session.rank(REQUEST)).toEqual(first);
    expect(calls).toBe(1);
  });

  it('never ranks again after a trap in an update, nor frees anything', async () => {
    let starts = 0;
    const recommend = vi.fn(() => ({ ok: true }));
    const free = vi.fn();
    const session = makeSession({
      load: () => {
        if (starts++ > 0) throw new WebAssembly.RuntimeError('unreachable');
        return { ok: true };
      },
      recommend,
      delete: free,
    });
    await session.load(request, ignore);
    serveTinyModel(server, 'newer');
    const update = await session.prepareUpdate(ignore);
    expect(update).toMatchObject({ ok: false, code: 'engine-stopped' });
    expect(await session.rank(REQUEST)).toEqual(update);
    expect(recommend).not.toHaveBeenCalled();
    expect(free).not.toHaveBeenCalled();
  });

  it('calls what fails outside the engine no trap', async () => {
    stubBrowser();
    const refuse = () => Promise.reject(new DOMException('no locks today', 'AbortError'));
    vi.stubGlobal('navigator', { locks: { request: refuse } });
    const reply = await makeSession().load({ ...request, cache: true }, ignore);
    expect(reply).toMatchObject({
      ok: false,
      code: 'internal',
      message: expect.stringContaining('no locks today'),
    });
  });

  it('fetches a wasm file of another build once more, past the HTTP cache', async () => {
    const before = server.cachingOf('/halfling.wasm').length;
    expect(await makeSession({}, 'old').load(request, ignore)).toMatchObject({ ok: true });
    expect(server.cachingOf('/halfling.wasm').slice(before)).toEqual([undefined, 'no-cache']);
    const reply = await makeSession({}, 'old', 'old').load(request, ignore);
    expect(reply).toMatchObject({ ok: false, code: 'version-mismatch' });
  });

  it('calls a manifest that breaks off a network failure', async () => {
    server.put('/model/manifest.json', { body: JSON.stringify(tinyManifest()), breakAfter: 50 });
    const reply = await makeSession().load(request, ignore);
    expect(reply).toMatchObject({ ok: false, code: 'network' });
  });
});

describe('an update', () => {
  it('holds one engine beside the one in use, until it is committed or dropped', async () => {
    let made = 0;
    let deleted = 0;
    const session = makeSession({
      load: () => {
        made += 1;
        return { ok: true };
      },
      delete: () => void (deleted += 1),
    });
    const engines = () => made - deleted;
    await session.load(request, ignore);
    expect(await session.prepareUpdate(ignore)).toEqual({ ok: true, value: null });

    serveTinyModel(server, 'newer', ['c']);
    const prepared = await session.prepareUpdate(ignore);
    expect(prepared).toMatchObject({ ok: true, value: { items: [{ id: 'c' }] } });
    expect(engines()).toBe(2);
    await session.dropUpdate();
    expect(engines()).toBe(1);
    expect(await session.commitUpdate()).toMatchObject({ ok: false, code: 'invalid-request' });

    await session.prepareUpdate(ignore);
    expect(await session.commitUpdate()).toEqual({ ok: true, value: null });
    expect(engines()).toBe(1);
    expect(await session.prepareUpdate(ignore)).toEqual({ ok: true, value: null });
  });

  it('asks for nothing with offlineOnly: newer is what another tab has stored', async () => {
    stubBrowser();
    await makeSession().load({ ...request, cache: true }, ignore);
    const session = makeSession();
    await session.load({ ...request, offlineOnly: true }, ignore);
    serveTinyModel(server, 'newer');
    const before = server.requests.length;
    expect(await session.prepareUpdate(ignore)).toEqual({ ok: true, value: null });
    expect(server.requests).toHaveLength(before);

    await makeSession().load({ ...request, cache: true }, ignore); // in the other tab
    const loaded = server.requests.length;
    expect(await session.prepareUpdate(ignore)).toMatchObject({ value: { items: [{}, {}] } });
    expect(server.requests).toHaveLength(loaded);
  });
});

describe('a deployment that is half done', () => {
  /** Puts a newer version on the server, of which the first of many shards is not there yet. */
  function deployHalf(): void {
    const manifest = tinyManifest('newer');
    const [shard, catalog] = manifest.files;
    const shards = Array.from({ length: 40 }, (_, i) => ({ ...shard, path: `${i}.safetensors` }));
    for (const { path } of shards.slice(1)) server.put(`/model/${path}`, { body: SHARD });
    const body = JSON.stringify({ ...manifest, files: [...shards, catalog] });
    server.put('/model/manifest.json', { body });
  }
  const shardRequests = () => server.requests.filter((path) => path.endsWith('.safetensors'));

  it('takes nothing from who has a whole model stored', async () => {
    stubBrowser();
    const caching = { ...request, cache: true };
    const first = await makeSession().load(caching, ignore);
    deployHalf();
    const before = shardRequests().length;
    const session = makeSession();
    const { version } = tinyManifest();
    const reply = await session.load(caching, ignore);
    expect(first).toMatchObject({ ok: true, value: { info: { version }, warnings: [] } });
    expect(reply).toMatchObject({
      ok: true,
      value: {
        info: { version, storage: 'cache' },
        warnings: [{ code: 'model-outdated', message: expect.stringContaining('HTTP 404') }],
      },
    });

    // And nothing of the version that failed is asked for behind the page's back.
    const asked = shardRequests().length;
    expect(asked - before).toBeLessThan(40);
    await new Promise((done) => setTimeout(done, 50));
    expect(shardRequests()).toHaveLength(asked);

    serveTinyModel(server, 'newer');
    const update = await session.prepareUpdate(ignore);
    expect(update).toMatchObject({ value: { info: { version: tinyManifest('newer').version } } });
  });

  it('fails for who has none, with what is missing', async () => {
    stubBrowser();
    deployHalf();
    const reply = await makeSession().load({ ...request, cache: true }, ignore);
    expect(reply).toMatchObject({ ok: false, code: 'network' });
    expect(reply).toMatchObject({ message: expect.stringContaining('/model/0.safetensors') });
  });

  it('is no excuse after a trap, which leaves the engine’s memory half written', async () => {
    stubBrowser();
    await makeSession().load({ ...request, cache: true }, ignore);
    serveTinyModel(server, 'newer');
    const trap = () => {
      throw new WebAssembly.RuntimeError('unreachable');
    };
    const reply = await makeSession({ load: trap }).load({ ...request, cache: true }, ignore);
    expect(reply).toMatchObject({ ok: false, code: 'engine-stopped' });
  });
});
