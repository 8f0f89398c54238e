import 'fake-indexeddb/auto';

import { forceCloseDatabase } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { HalflingError } from '../src/errors.js';
import { databaseName, HistoryDatabase } from '../src/history-database.js';
import { toHistorySettings } from '../src/history-settings.js';
import { VisitorHistory } from '../src/history.js';
import type { HistoryEvent, HistoryOptions } from '../src/types.js';

const DAY = 24 * 60 * 60 * 1000;
let name = '';
let database = ''; // the history's
let opened: VisitorHistory[] = [];
let tests = 0;

beforeEach(() => {
  name = `test-${tests++}`;
  database = databaseName(name);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
  for (const history of opened.splice(0)) history.close();
});

async function openTab(options: HistoryOptions = {}) {
  const warnings: HalflingError[] = [];
  const consents: boolean[] = [];
  const changes: (readonly HistoryEvent[])[] = [];
  const history = await VisitorHistory.open(
    toHistorySettings({ name, ...options }),
    {
      onChange: (events) => changes.push(events),
      onConsent: (granted) => consents.push(granted),
      onWarning: (warning) => warnings.push(warning),
    },
  );
  opened.push(history);
  return Object.assign(history, { warnings, consents, changes });
}

const items = (history: VisitorHistory) => history.events.map(({ item }) => item);
const view = (history: VisitorHistory, ...viewed: string[]) =>
  Promise.all(viewed.map((item) => history.track({ type: 'view', item })));
const databases = async () => (await indexedDB.databases()).map(({ name }) => name);
const refuse = () => {
  throw new DOMException('refused', 'UnknownError');
};
/** A connection that, like one of a frozen tab, does not make way for a deletion. */
const hold = (held: string) =>
  new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open(held);
    request.onsuccess = () => resolve(request.result);
  });
/** What another tab says. */
function tell(...messages: object[]) {
  const channel = new BroadcastChannel(database);
  for (const message of messages) channel.postMessage(message);
  channel.close();
}
/** Holds up the next reading of the database until it is released. */
function holdReading() {
  let release = () => undefined as void;
  const released = new Promise<void>((resolve) => (release = resolve));
  const readAll = HistoryDatabase.prototype.readAll;
  const reading = vi.spyOn(HistoryDatabase.prototype, 'readAll');
  reading.mockImplementationOnce(async function (this: HistoryDatabase) {
    const events = await readAll.call(this);
    await released;
    return events;
  });
  return { release, begun: () => vi.waitFor(() => expect(reading).toHaveBeenCalled()) };
}
const consent = (granted: boolean) => ({ type: 'consent', granted });

describe('without consent', () => {
  it('remembers in memory and leaves no database', async () => {
    const history = await openTab();
    await view(history, 'a', 'b');
    expect(items(history)).toEqual(['a', 'b']);
    expect(await databases()).not.toContain(database);
    expect(items(await openTab())).toEqual([]);
  });

  it('keeps what was tracked in the same millisecond in order', async () => {
    const history = await openTab();
    const ids = Array.from({ length: 30 }, (_, i) => `item ${i}`);
    for (const item of ids) void history.track({ type: 'view', item, time: Date.now() });
    expect(items(history)).toEqual(ids);
  });

  it('puts an event of an earlier time in its place', async () => {
    const history = await openTab();
    await view(history, 'later');
    await history.track({ type: 'view', item: 'earlier', time: Date.now() - 1000 });
    expect(items(history)).toEqual(['earlier', 'later']);
  });
});

describe('with consent', () => {
  it('stores what came before and after it, for the next visit', async () => {
    const history = await openTab();
    await view(history, 'before');
    await history.setConsent(true);
    await view(history, 'after');
    history.close();

    const next = await openTab();
    expect(next.consent).toBe(true);
    expect(items(next)).toEqual(['before', 'after']);
  });

  it('ends at withdrawal: no database, memory goes on', async () => {
    const history = await openTab({ consent: true });
    await view(history, 'a');
    expect(await databases()).toContain(database);
    await history.setConsent(false);
    expect(await databases()).not.toContain(database);
    await view(history, 'b');
    expect(items(history)).toEqual(['a', 'b']);
    expect(await databases()).not.toContain(database);
  });

  it('withdrawn by the option deletes what an earlier visit stored', async () => {
    const history = await openTab({ consent: true });
    await view(history, 'a');
    history.close();
    expect(items(await openTab({ consent: false }))).toEqual([]);
    expect(await databases()).not.toContain(database);
  });

  it('is remembered where the browser does not list its databases', async () => {
    const history = await openTab({ consent: true });
    await view(history, 'a');
    history.close();
    const list = indexedDB.databases;
    Object.assign(indexedDB, { databases: undefined }); // as in Firefox before 126
    const next = await openTab();
    Object.assign(indexedDB, { databases: list });
    expect(next.consent).toBe(true);
    expect(items(next)).toEqual(['a']);
  });

  it('not given leaves no database, not even for a moment', async () => {
    const open = vi.spyOn(indexedDB, 'open'); // aborted, it would leave version 0 in WebKit
    const history = await openTab();
    expect(history.consent).toBe(false);
    expect(open).not.toHaveBeenCalled();
    expect(await databases()).not.toContain(database);
  });

  it('withdrawn leaves a database of the site alone', async () => {
    indexedDB.open(name);
    const history = await openTab({ consent: true });
    await history.setConsent(false);
    expect(await databases()).toContain(name);
  });

  it('keeps to the maximum and the time to live, on the disk too', async () => {
    const history = await openTab({ consent: true, maxEvents: 3, ttlDays: 1 });
    await history.track({ type: 'view', item: 'old', time: Date.now() - 2 * DAY });
    await view(history, 'a', 'b', 'c', 'd');
    expect(items(history)).toEqual(['b', 'c', 'd']);
    history.close();
    expect(items(await openTab({ maxEvents: 100, ttlDays: 100 }))).toEqual(['b', 'c', 'd']);
  });

  it('erases what cannot be read', async () => {
    const history = await openTab({ consent: true });
    await view(history, 'a');
    vi.spyOn(IDBObjectStore.prototype, 'getAll').mockImplementation(refuse);
    await history.forget();
    vi.restoreAllMocks();
    history.close();
    expect(items(await openTab())).toEqual([]);
  });

  it('forgets everything at clear', async () => {
    const history = await openTab({ consent: true });
    await view(history, 'a');
    await history.forget();
    expect(items(history)).toEqual([]);
    history.close();
    expect(items(await openTab())).toEqual([]);
  });

  it('exports what there is', async () => {
    const history = await openTab({ consent: true });
    await view(history, 'a');
    expect(history.export()).toMatchObject({
      format: 1,
      consent: true,
      events: [{ type: 'view', item: 'a' }],
    });
  });

  it('goes on in memory, and says so, when the database fails', async () => {
    vi.spyOn(indexedDB, 'open').mockImplementation(refuse);
    const history = await openTab({ consent: true });
    await history.setConsent(true);
    await view(history, 'a');
    expect(items(history)).toEqual(['a']);
    expect(history.warnings).toMatchObject([{ code: 'history-not-stored' }]);
  });

  it('says nothing of a database that fails where nobody has consented', async () => {
    vi.spyOn(indexedDB, 'open').mockImplementation(refuse);
    const history = await openTab();
    await view(history, 'a');
    expect(items(history)).toEqual(['a']);
    expect(history.warnings).toEqual([]);
  });

  it('goes on over a new connection when the browser has closed one', async () => {
    const opening = vi.spyOn(indexedDB, 'open');
    const history = await openTab({ consent: true });
    forceCloseDatabase(opening.mock.results[0]?.value.result);
    await view(history, 'at once');
    await vi.waitFor(() => expect(history.consent).toBe(true));
    await view(history, 'later');
    history.close();
    expect(items(await openTab())).toEqual(['at once', 'later']);
    expect(history.warnings).toEqual([]);
  });

  it('ends when the visitor clears the site’s data', async () => {
    const opening = vi.spyOn(indexedDB, 'open');
    const history = await openTab({ consent: true });
    forceCloseDatabase(opening.mock.results[0]?.value.result);
    indexedDB.deleteDatabase(database);
    await view(history, 'a');
    expect(history.consents).toEqual([true, false]);
    await history.forget(); // in the queue after all else
    expect(await databases()).not.toContain(database);
  });
});

describe('erasing', () => {
  /** Of an earlier visit. */
  async function storeOne() {
    const history = await openTab({ consent: true });
    await view(history, 'a');
    history.close();
  }

  it('that fails rejects, and can be tried again', async () => {
    await storeOne();
    const failing = vi.spyOn(indexedDB, 'open').mockImplementation(refuse);
    const history = await openTab({ consent: true });
    await expect(history.forget()).rejects.toMatchObject({
      code: 'history-not-erased',
      message: expect.stringContaining('refused'),
    });
    failing.mockRestore();
    await history.forget();
    history.close();
    expect(items(await openTab())).toEqual([]);
  });

  it('that fails at withdrawal rejects, and the page goes on without consent', async () => {
    const history = await openTab({ consent: true });
    vi.spyOn(indexedDB, 'deleteDatabase').mockImplementation(refuse);
    await expect(history.setConsent(false)).rejects.toMatchObject({ code: 'history-not-erased' });
    expect(history.consent).toBe(false);
    await view(history, 'a');
    history.close();
    expect(items(await openTab())).toEqual([]);
  });

  it('that fails where the option asks for it is told as a warning', async () => {
    await storeOne();
    vi.spyOn(indexedDB, 'deleteDatabase').mockImplementation(refuse);
    const { warnings } = await openTab({ consent: false });
    expect(warnings).toMatchObject([{ code: 'history-not-erased' }]);
  });

  it('also erases what a slow disk has not shown yet', async () => {
    await storeOne();
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const reading = holdReading();
    const opening = openTab();
    await reading.begun();
    await vi.advanceTimersByTimeAsync(3000);
    const history = await opening;
    const forgotten = history.forget();
    const viewed = view(history, 'b');
    reading.release();
    await Promise.all([forgotten, viewed]);
    expect(items(history)).toEqual(['b']);
    history.close();
    expect(items(await openTab())).toEqual(['b']);
  });

  it.each([
    ['here', (history: VisitorHistory) => void history.forget()],
    ['in another tab', () => tell({ type: 'forget' })],
  ])('%s is not undone by a page that comes back and reads', async (_, forget) => {
    let onPageShow = (_: object) => undefined as void;
    vi.stubGlobal('addEventListener', (_: string, listener: typeof onPageShow) => {
      onPageShow = listener;
    });
    await storeOne();
    const history = await openTab();
    expect(items(history)).toEqual(['a']);
    const reading = holdReading();
    onPageShow({ persisted: true });
    await reading.begun();
    forget(history);
    await vi.waitFor(() => expect(items(history)).toEqual([]));
    reading.release();
    await history.setConsent(true); // in the queue after all else
    expect(items(history)).toEqual([]);
  });

  it('of one item leaves the others, here, on the disk and in other tabs', async () => {
    const one = await openTab({ consent: true });
    const two = await openTab();
    await view(one, 'a', 'b', 'a', 'c');
    await vi.waitFor(() => expect(items(two)).toHaveLength(4));
    await one.forget('a');
    expect(items(one)).toEqual(['b', 'c']);
    await vi.waitFor(() => expect(items(two)).toEqual(['b', 'c']));
    one.close();
    expect(items(await openTab())).toEqual(['b', 'c']);
  });

  it('does not wait for a tab that is frozen', async () => {
    const history = await openTab({ consent: true });
    await view(history, 'a');
    const frozen = await hold(database);
    await history.setConsent(false);
    const left = frozen.transaction('events').objectStore('events').count();
    await vi.waitFor(() => expect(left.result).toBe(0));
    frozen.close();
    await vi.waitFor(async () => expect(await databases()).not.toContain(database));
  });

  it('that a frozen tab holds up does not hold up the next visit', async () => {
    await storeOne();
    const frozen = await hold(database);
    await (await openTab()).setConsent(false);
    const next = await openTab();
    expect(next.consent).toBe(false);
    frozen.close();
  });
});

describe('several tabs', () => {
  it('see each other’s events in order, and clear together', async () => {
    const one = await openTab({ consent: true });
    const two = await openTab();
    await view(one, 'a');
    await vi.waitFor(() => expect(items(two)).toEqual(['a']));
    await view(two, 'b');
    await vi.waitFor(() => expect(items(one)).toEqual(['a', 'b']));
    await one.forget();
    await vi.waitFor(() => expect(items(two)).toEqual([]));
  });

  it('consent together, and put their histories together', async () => {
    const one = await openTab();
    const two = await openTab();
    await one.track({ type: 'view', item: 'a', time: Date.now() - 1 }); // not in the same millisecond
    await view(two, 'b');
    await one.setConsent(true);
    await vi.waitFor(() => expect(two.consent).toBe(true));
    await vi.waitFor(() => expect(items(one)).toEqual(['a', 'b']));
    await vi.waitFor(() => expect(items(two)).toEqual(['a', 'b']));
  });

  it('withdraw together: the other one does not bring the database back', async () => {
    const one = await openTab({ consent: true });
    const two = await openTab();
    await one.setConsent(false);
    await vi.waitFor(() => expect(two.consent).toBe(false));
    await view(two, 'a');
    expect(await databases()).not.toContain(database);
    expect(two.consents).toEqual([true, false]);
  });

  it('that hear of a withdrawal and of consent in a row have consent', async () => {
    const one = await openTab({ consent: true });
    const two = await openTab();
    const withdrawn = one.setConsent(false);
    await Promise.all([withdrawn, one.setConsent(true)]);
    await vi.waitFor(() => expect(two.consents).toEqual([true, false, true]));
    await view(two, 'a');
    await vi.waitFor(() => expect(items(one)).toEqual(['a']));
    expect(two.consent).toBe(true);
  });

  it('hear of consent when it is given, not when it is remembered', async () => {
    (await openTab({ consent: true })).close();
    const heard: unknown[] = [];
    const channel = new BroadcastChannel(database);
    channel.onmessage = ({ data }) => heard.push(data);
    const history = await openTab();
    await view(history, 'a');
    await vi.waitFor(() => expect(heard).toMatchObject([{ type: 'add' }]));
    channel.close();
  });

  it('that open during a withdrawal do not undo it', async () => {
    const one = await openTab({ consent: true });
    const withdrawn = one.setConsent(false);
    const two = await openTab();
    await withdrawn;
    await vi.waitFor(() => expect(two.consent).toBe(false));
    await view(two, 'a');
    expect(one.consent).toBe(false);
    expect(await databases()).not.toContain(database);
  });

  it('that hear of consent and its withdrawal in a row create no database', async () => {
    const history = await openTab();
    await view(history, 'a');
    tell(consent(true), consent(false));
    await vi.waitFor(() => expect(history.consents).toEqual([true, false]));
    await history.forget(); // in the queue after all else
    expect(await databases()).not.toContain(database);
    expect(history.warnings).toEqual([]);
  });

  it('that hear of a withdrawal while they put together what there is leave no database', async () => {
    const history = await openTab();
    await view(history, 'a');
    vi.spyOn(HistoryDatabase.prototype, 'readAll').mockImplementationOnce(async () => {
      tell(consent(false));
      await vi.waitFor(() => expect(history.consent).toBe(false));
      return [];
    });
    await history.setConsent(true);
    expect(await databases()).not.toContain(database);
    expect(history.warnings).toEqual([]);
  });
});

describe('import', () => {
  const time = Date.now() - DAY;
  const events: HistoryEvent[] = [
    { type: 'view', item: 'a', time },
    { type: 'purchase', item: 'a', time: time + 1 },
  ];

  it('adds all at once, in the order of their times, and stores them', async () => {
    const history = await openTab({ consent: true });
    await view(history, 'b');
    history.changes.splice(0);
    await history.import(events);
    expect(items(history)).toEqual(['a', 'a', 'b']);
    expect(history.changes).toHaveLength(1);
    history.close();
    expect(items(await openTab())).toEqual(['a', 'a', 'b']);
  });

  it('adds nothing twice, be it imported or tracked', async () => {
    const history = await openTab({ consent: true });
    await view(history, 'b');
    await history.import(events);
    await history.import([...events, ...history.export().events]);
    expect(items(history)).toEqual(['a', 'a', 'b']);
    history.close();
    const next = await openTab();
    await next.import(events);
    expect(items(next)).toEqual(['a', 'a', 'b']);
  });

  it('counts once what one tab has tracked and another imports', async () => {
    const [one, other] = [await openTab(), await openTab()];
    await view(one, 'a');
    await other.import(one.export().events);
    await one.setConsent(true);
    await other.setConsent(true);
    for (const tab of [one, other]) await vi.waitFor(() => expect(items(tab)).toEqual(['a']));
    one.close();
    other.close();
    expect(items(await openTab())).toEqual(['a']);
  });

  it('adds nothing where one event is wrong, and names it', async () => {
    const history = await openTab();
    const importing = history.import([...events, { type: 'view', item: 'b' } as HistoryEvent]);
    await expect(importing).rejects.toMatchObject({
      code: 'invalid-event',
      message: expect.stringContaining('importHistory(): events[2]: `time`'),
    });
    expect(items(history)).toEqual([]);
  });
});

describe('options', () => {
  it('name the database', () => {
    expect(databaseName(undefined)).toBe('halfling');
    expect(databaseName('shop')).toBe('halfling-history-shop');
  });

  it.each([
    ['ttlDays', 0],
    ['maxEvents', 0],
    ['sessionGapMinutes', 0],
    ['ttlDays', '90'],
    ['consent', 'false'],
    ['name', 5],
  ])('refuse a %s of %j', (option, value) => {
    expect(() => toHistorySettings({ [option]: value })).toThrowError(
      expect.objectContaining({
        code: 'invalid-request',
        message: expect.stringContaining(`\`history.${option}\` is ${JSON.stringify(value)}`),
      }),
    );
  });
});
