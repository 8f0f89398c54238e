// The worker's side with a made-up engine: what it does when downloads or the engine go wrong.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { LoadRequest, RankRequest } from '../src/protocol.js';
import { Session } from '../src/worker/session.js';
import { FileServer } from './file-server.js';
import { EMPTY_WASM, makeModule } from './made-up-engine.js';
import { CATALOG, SHARD, tinyManifest } from './tiny-model.js';

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
  const manifestUrl = server.put('/model/manifest.json', { body: JSON.stringify(tinyManifest()) });
  server.put('/model/catalog.json', { body: JSON.stringify(CATALOG) });
  server.put('/model/model-00001-of-00001.safetensors', { body: SHARD });
  request = {
    manifestUrl,
    wasmUrls: { baseline, relaxed: baseline },
    simd: 'baseline',
    threads: 1,
    cache: false,
    offlineOnly: false,
  };
});

/** A session whose engine ranks by `recommend`; each start of the wasm is of the next build. */
function makeSession(recommend: () => { ok: true }, ...builds: string[]): Session {
  const factory = () => Promise.resolve(makeModule(builds.shift() ?? BUILD, recommend));
  return new Session(BUILD, { baseline: factory, relaxed: factory });
}

const answer = (): { ok: true } => ({ ok: true });
const ignore = () => undefined;

describe('a session', () => {
  it('loads, reports progress to the end, and ranks', async () => {
    const session = makeSession(answer);
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
    const session = makeSession(() => {
      calls += 1;
      throw new WebAssembly.RuntimeError('unreachable');
    });
    await session.load(request, ignore);
    const first = await session.rank(REQUEST);
    expect(first).toMatchObject({ ok: false, code: 'engine-stopped' });
    expect(await session.rank(REQUEST)).toEqual(first);
    expect(calls).toBe(1);
  });

  it('fetches a wasm file of another build once more, past the HTTP cache', async () => {
    const before = server.cachingOf('/halfling.wasm').length;
    expect(await makeSession(answer, 'old').load(request, ignore)).toMatchObject({ ok: true });
    expect(server.cachingOf('/halfling.wasm').slice(before)).toEqual([undefined, 'no-cache']);
    const reply = await makeSession(answer, 'old', 'old').load(request, ignore);
    expect(reply).toMatchObject({ ok: false, code: 'version-mismatch' });
  });

  it('calls a manifest that breaks off a network failure', async () => {
    server.put('/model/manifest.json', { body: JSON.stringify(tinyManifest()), breakAfter: 50 });
    const reply = await makeSession(answer).load(request, ignore);
    expect(reply).toMatchObject({ ok: false, code: 'network' });
  });
});
