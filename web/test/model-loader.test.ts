// How a model comes from the server and the device, and what becomes of the stored one.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { ModelLoader, type ChosenManifest, type ModelTarget } from '../src/worker/model-loader.js';
import { FileServer, type Answer } from './file-server.js';
import { makeCaches } from './made-up-caches.js';
import { serveTinyModel, sha256Hex, tinyManifest } from './tiny-model.js';

const ONLINE = { cache: true, offlineOnly: false };
const OFFLINE = { cache: true, offlineOnly: true };
const NO_TARGET: ModelTarget = { addShard: () => undefined, start: () => undefined };

let server: FileServer;
let manifestUrl = '';
let stored: Map<string, Response>;
/** How many hold the lock. */
let holders = 0;
beforeAll(async () => {
  server = await FileServer.start();
});
afterAll(() => server.stop());

beforeEach(() => {
  manifestUrl = serveTinyModel(server, 'first', ['a']);
  stored = new Map();
  vi.stubGlobal('caches', makeCaches(stored));
  type Work = (lock: object) => Promise<unknown>;
  const request = async (name: string, ...rest: [Work] | [object, Work]) => {
    holders += 1;
    const work = rest.at(-1) as Work;
    return work({ name }).finally(() => (holders -= 1));
  };
  vi.stubGlobal('navigator', { locks: { request } });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const load = (loader: ModelLoader, chosen: ChosenManifest, target = NO_TARGET) =>
  loader.load(chosen, target, () => undefined);

/** A visit, from its start to its end. */
async function visit(options = ONLINE, target = NO_TARGET) {
  const loader = await ModelLoader.create(manifestUrl, options);
  const chosen = await loader.chooseManifest();
  const content = await load(loader, chosen, target);
  return { ...content, version: content.manifest.version, warnings: loader.takeWarnings() };
}

const version = (name: string) => sha256Hex(name);
const withoutQuery = (url: string) => new URL(url).pathname;

describe('what is stored', () => {
  it('lies at no address that a page asks for, with a query or without', async () => {
    await visit();
    const asked = new Set(server.requests.map((path) => withoutQuery(`http://x${path}`)));
    expect(stored.size).toBe(3);
    for (const url of stored.keys()) expect(asked).not.toContain(withoutQuery(url));
  });

  it('changes only while the lock is held', async () => {
    const unlocked: string[] = [];
    type Entries = typeof stored;
    const watch = (name: 'set' | 'delete') =>
      vi.spyOn(stored, name).mockImplementation(function (this: Entries, url: string, ...rest) {
        if (holders === 0) unlocked.push(url);
        return Reflect.apply(Map.prototype[name], this, [url, ...rest]);
      });
    const [set, remove] = [watch('set'), watch('delete')];
    await visit();
    serveTinyModel(server, 'newer', ['b']);
    await visit();
    const shard = [...stored.keys()].find((url) => url.includes('safetensors')) ?? '';
    Map.prototype.set.call(stored, shard, new Response('damaged'));
    const before = set.mock.calls.length;
    expect((await visit()).warnings).toEqual([]);
    expect(set.mock.calls.slice(before).map(([url]) => url)).toEqual([shard]);
    expect(remove).toHaveBeenCalled();
    expect(unlocked).toEqual([]);
  });

  it('stays where another tab has stored another version meanwhile', async () => {
    const slow = await ModelLoader.create(manifestUrl, ONLINE);
    const chosen = await slow.chooseManifest();
    serveTinyModel(server, 'newer', ['b']);
    await visit();
    const files = [...stored.keys()];
    serveTinyModel(server, 'first', ['a']);
    await load(slow, chosen);
    expect([...stored.keys()]).toEqual(files);
    expect(await visit(OFFLINE)).toMatchObject({ version: version('newer'), items: [{ id: 'b' }] });
  });

  it('is not called whole where a file of it was deleted meanwhile', async () => {
    const start = () => stored.clear();
    const first = await visit(ONLINE, { ...NO_TARGET, start });
    expect(first).toMatchObject({ stored: false, warnings: [{ code: 'model-not-stored' }] });
    await expect(visit(OFFLINE)).rejects.toMatchObject({ code: 'not-stored' });
  });
});

describe('storage that cannot be read', () => {
  const refuse = () => Promise.reject(new DOMException('disk is gone', 'UnknownError'));
  /** Of the model's files, not of the manifest. */
  const spoil = (response: () => unknown) =>
    vi.spyOn(stored, 'get').mockImplementation(function (this: typeof stored, url) {
      const found = Map.prototype.get.call(this, url);
      if (url.endsWith('manifest')) return found;
      return response() as Response;
    });

  it.each([
    ['a file', { clone: refuse }],
    ['a file’s bytes', { clone: () => ({ arrayBuffer: refuse }) }],
  ])('in %s is as good as none, and told of once', async (_, response) => {
    await visit();
    spoil(() => response);
    expect(await visit()).toMatchObject({
      version: version('first'),
      stored: false,
      warnings: [{ code: 'model-not-stored', message: expect.stringContaining('disk is gone') }],
    });
    await expect(visit(OFFLINE)).rejects.toMatchObject({ code: 'not-stored' });
  });
});

describe('a manifest that cannot be had, where a model is stored', () => {
  const answers: [string, Answer][] = [
    ['HTTP 404', { body: 'gone', status: 404 }],
    ['HTTP 500', { body: 'sorry', status: 500 }],
    ['text/html', { body: '<!doctype html>', type: 'text/html' }],
    ['not JSON', { body: JSON.stringify(tinyManifest()).slice(0, 50) }],
    ['format 2', { body: JSON.stringify({ ...tinyManifest(), format: 2 }) }],
  ];
  it.each(answers)('is told of: %s', async (text, answer) => {
    await visit();
    server.put('/model/manifest.json', answer);
    const { version: used, warnings } = await visit();
    expect(used).toBe(version('first'));
    expect(warnings).toMatchObject([
      { code: 'model-outdated', message: expect.stringContaining(text) },
    ]);
  });

  it('is not told of where no server has answered', async () => {
    await visit();
    server.put('/model/manifest.json', { body: JSON.stringify(tinyManifest()), breakAfter: 50 });
    expect(await visit()).toMatchObject({ version: version('first'), warnings: [] });
  });

  it('is waited for three seconds', async () => {
    await visit();
    let signal: AbortSignal | null | undefined;
    const silent = (_: string, init?: RequestInit) => {
      signal = init?.signal;
      return new Promise(() => undefined);
    };
    vi.stubGlobal('fetch', silent);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const visiting = visit();
    await vi.waitFor(() => expect(signal).toBeDefined());
    await vi.advanceTimersByTimeAsync(3000);
    expect(await visiting).toMatchObject({ version: version('first'), warnings: [] });
    expect(signal?.aborted).toBe(true); // or it would count as a request after loading
  });
});
