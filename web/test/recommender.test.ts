// The page's side over a real session with a made-up engine, in one thread.

import 'fake-indexeddb/auto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { HalflingError } from '../src/errors.js';
import type { Reply, WorkerApi } from '../src/protocol.js';
import { toHistorySettings } from '../src/history-settings.js';
import { WorkerRecommender } from '../src/recommender.js';
import type { CatalogItem, Recommender } from '../src/types.js';
import type { WorkerConnection } from '../src/worker-connection.js';
import type { Engine, EngineRequest } from '../src/worker/engine-module.js';
import { Session } from '../src/worker/session.js';
import { FileServer } from './file-server.js';
import { EMPTY_WASM, makeModule } from './made-up-engine.js';
import { serveTinyModel } from './tiny-model.js';

const BUILD = 'b1';
const ITEMS = ['a', 'b', 'c', 'd'];

let server: FileServer;
let opened: Recommender<never>[] = [];
beforeAll(async () => {
  server = await FileServer.start();
});
afterEach(() => {
  for (const recommender of opened.splice(0)) recommender.dispose();
});
afterAll(() => server.stop());

/** Calls go straight to the session, those of call() one after another. */
function connect(session: Session): WorkerConnection {
  type Invoke<T> = (api: WorkerApi) => Promise<Reply<T>>;
  let last: Promise<unknown> = Promise.resolve();
  const callBeside = async <T>(invoke: Invoke<T>) => {
    const reply = await invoke(session);
    if (reply.ok) return reply.value;
    throw new HalflingError(reply.code, reply.message);
  };
  const connection = {
    callBeside,
    call<T>(invoke: Invoke<T>) {
      const answer = last.then(() => callBeside(invoke));
      last = answer.catch(() => undefined);
      return answer;
    },
    onClose: () => undefined,
    close: () => undefined,
  };
  return connection as unknown as WorkerConnection;
}

/** Returns all that is allowed, in the catalogue's order. */
function rankAll({ exclude, allow }: EngineRequest) {
  const all = allow ?? Int32Array.from(ITEMS.keys());
  const items = all.filter((index) => !exclude.includes(index));
  return { ok: true, items, logProbabilities: new Float32Array(items.length) };
}

async function open<Item = CatalogItem>(
  toItem?: (record: CatalogItem) => Item | undefined,
  methods: Partial<Engine> = {},
): Promise<Recommender<Item>> {
  const wasm = server.put('/halfling.wasm', { body: EMPTY_WASM });
  const factory = () => Promise.resolve(makeModule(BUILD, { recommend: rankAll, ...methods }));
  const session = new Session(BUILD, { baseline: factory, relaxed: factory });
  const reply = await session.load(
    {
      manifestUrl: serveTinyModel(server, 'first', ITEMS),
      wasmUrls: { baseline: wasm, relaxed: wasm },
      simd: 'baseline',
      threads: 1,
      cache: false,
      offlineOnly: false,
    },
    () => undefined,
  );
  if (!reply.ok) throw new HalflingError(reply.code, reply.message);
  const recommender = await WorkerRecommender.create(
    connect(session),
    reply.value,
    0,
    toItem,
    toHistorySettings(),
  );
  opened.push(recommender as unknown as Recommender<never>);
  return recommender;
}

const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);

describe('update()', () => {
  it('puts the newer items in place', async () => {
    const recommender = await open();
    expect(await recommender.update()).toBe(false);
    serveTinyModel(server, 'second', ['x', 'y']);
    expect(await recommender.update()).toBe(true);
    expect(ids(recommender.items)).toEqual(['x', 'y']);
    expect(ids(await recommender.trending())).toEqual(['x', 'y']);
  });

  it('leaves all as it was when toItem throws, and can be called again', async () => {
    let engines = 0;
    let sells = (id: string) => ITEMS.includes(id);
    const toItem = (record: CatalogItem) => {
      if (sells(record.id)) return record;
      throw new RangeError(`no price for ${record.id}`);
    };
    const recommender = await open(toItem, {
      load: () => {
        engines += 1;
        return { ok: true };
      },
      delete: () => void (engines -= 1),
    });
    const { info } = recommender;
    const updates: unknown[] = [];
    recommender.on('update', (detail) => updates.push(detail));
    serveTinyModel(server, 'second', ['x', 'y']);
    await expect(recommender.update()).rejects.toThrow(new RangeError('no price for x'));
    expect(engines).toBe(1);
    expect(recommender.info).toBe(info);
    expect(ids(recommender.items)).toEqual(ITEMS);
    expect(ids(await recommender.recommend({ history: ['a'] }))).toEqual(['b', 'c', 'd']);
    expect(updates).toEqual([]);

    sells = () => true;
    expect(await recommender.update()).toBe(true);
    expect(engines).toBe(1);
    expect(ids(recommender.items)).toEqual(['x', 'y']);
  });

  it('is one where calls overlap', async () => {
    const recommender = await open();
    const updates: unknown[] = [];
    recommender.on('update', (detail) => updates.push(detail));
    serveTinyModel(server, 'second', ['x', 'y']);
    const before = server.requests.length;
    const calls = [recommender.update(), recommender.update()];
    expect(await Promise.all(calls)).toEqual([true, true]);
    expect(updates).toHaveLength(1);
    expect(server.requests.slice(before).filter((path) => path.endsWith('.json')).sort()).toEqual([
      '/model/catalog.json',
      '/model/manifest.json',
    ]);
    expect(await recommender.update()).toBe(false);
  });
});

describe('a dismissed item', () => {
  it('is in no list, until another event takes that back', async () => {
    const recommender = await open();
    const lists = async () => [
      ids(await recommender.recommend()),
      ids(await recommender.similar('a')),
      ids(await recommender.trending()),
    ];
    await recommender.track({ type: 'dismiss', item: 'b' });
    expect(await lists()).toEqual([
      ['a', 'c', 'd'],
      ['c', 'd'],
      ['a', 'c', 'd'],
    ]);
    await recommender.track({ type: 'like', item: 'b' });
    expect(await lists()).toEqual([
      ['a', 'c', 'd'],
      ['b', 'c', 'd'],
      ['a', 'b', 'c', 'd'],
    ]);
  });

  it('may follow a history that is not the visitor’s', async () => {
    const recommender = await open();
    await recommender.track({ type: 'dismiss', item: 'b' });
    expect(ids(await recommender.recommend({ history: ['a'] }))).toEqual(['b', 'c', 'd']);
  });
});

describe('explain()', () => {
  it('names no item that toItem made undefined', async () => {
    const toItem = ({ id }: CatalogItem) => (id === 'b' ? undefined : { sku: id });
    const recommender = await open(toItem, {
      scoreItems: () => ({ ok: true, logProbabilities: Float32Array.of(-1) }),
      leaveOneOut: () => ({ ok: true, logProbabilities: Float32Array.of(-2, -4, -3) }),
    });
    expect(await recommender.explain('d', { history: ['a', 'b', 'c'] })).toEqual([
      { item: { sku: 'c' }, id: 'c', contribution: 2 },
      { item: { sku: 'a' }, id: 'a', contribution: 1 },
    ]);
  });
});

describe('ids that the model does not know', () => {
  it('are left out of lists, and told of once', async () => {
    const recommender = await open();
    const warnings: HalflingError[] = [];
    recommender.on('warning', (warning) => warnings.push(warning));
    expect(ids(await recommender.recommend({ allow: ['new', 'c', 'newer'] }))).toEqual(['c']);
    expect(ids(await recommender.recommend({ history: ['a', 'old'] }))).toEqual(['b', 'c', 'd']);
    expect(ids(await recommender.recommend({ exclude: ['new', 'a'] }))).toEqual(['b', 'c', 'd']);
    expect(warnings).toMatchObject([
      { code: 'unknown-item', message: expect.stringMatching(/`allow` names 2 ids .*"new"/) },
    ]);
  });

  it('are refused where only one is asked about', async () => {
    const recommender = await open();
    expect([recommender.has('a'), recommender.has('new')]).toEqual([true, false]);
    await expect(recommender.similar('new')).rejects.toMatchObject({ code: 'unknown-item' });
    await expect(recommender.explain('new')).rejects.toMatchObject({ code: 'unknown-item' });
  });
});

describe('arguments that TypeScript would refuse', () => {
  type Call = (recommender: Recommender) => Promise<unknown>;
  const nothing = null as never;
  const calls: [string, string, Call][] = [
    ['options', 'recommend()', (one) => one.recommend(nothing)],
    ['history', 'recommend()', (one) => one.recommend({ history: 42 as never })],
    ['options', 'explain()', (one) => one.explain('a', nothing)],
    ['options', 'update()', (one) => one.update(nothing)],
    ['excludeSeen', 'recommend()', (one) => one.recommend({ excludeSeen: 'purchase' as never })],
    ['setConsent()', 'setConsent()', (one) => one.setConsent('false' as never)],
    ['forget()', 'forget()', (one) => one.forget(undefined as never)],
    ['importHistory()', 'importHistory()', (one) => one.importHistory(nothing)],
    ['importHistory(): events', 'importHistory()', (one) => one.importHistory({} as never)],
  ];
  it.each(calls)('are refused: `%s` of %s', async (name, _, call) => {
    await expect(call(await open())).rejects.toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining(`\`${name}\` is`),
    });
  });
});

describe('what the caller’s own functions throw', () => {
  it('arrives as it is', async () => {
    const recommender = await open();
    const thrown = new Error('no stock');
    const filter = () => {
      throw thrown;
    };
    await expect(recommender.recommend({ filter })).rejects.toBe(thrown);
    await expect(recommender.similar('a', { boost: filter })).rejects.toBe(thrown);
    expect(await recommender.recommend()).toHaveLength(4);
  });
});
