import 'fake-indexeddb/auto';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { HalflingError } from '../src/errors.js';
import { databaseName } from '../src/history-database.js';
import { VisitorHistory } from '../src/history.js';
import type { HistoryOptions } from '../src/types.js';

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
  for (const history of opened.splice(0)) history.close();
});

async function openTab(options: HistoryOptions = {}) {
  const warnings: HalflingError[] = [];
  const consents: boolean[] = [];
  const history = await VisitorHistory.open(
    { name, ...options },
    {
      onChange: () => undefined,
      onConsent: (granted) => consents.push(granted),
      onWarning: (warning) => warnings.push(warning),
    },
  );
  opened.push(history);
  return Object.assign(history, { warnings, consents });
}

const items = (history: VisitorHistory) => history.events.map(({ item }) => item);
const view = (history: VisitorHistory, ...viewed: string[]) =>
  Promise.all(viewed.map((item) => history.track({ type: 'view', item })));
const databases = async () => (await indexedDB.databases()).map(({ name }) => name);

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

  it('withdrawn by the option deletes where the browser does not tell what there is', async () => {
    const history = await openTab({ consent: true });
    await view(history, 'a');
    history.close();
    const silent = vi.spyOn(indexedDB, 'databases').mockRejectedValue(new Error('unknown'));
    await openTab({ consent: false });
    silent.mockRestore();
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

  it('forgets everything at clear', async () => {
    const history = await openTab({ consent: true });
    await view(history, 'a');
    await history.clear();
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
    const failing = vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    const history = await openTab({ consent: true });
    await history.setConsent(true);
    failing.mockRestore();
    await view(history, 'a');
    expect(items(history)).toEqual(['a']);
    expect(history.warnings).toMatchObject([{ code: 'history-not-stored' }]);
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
    await one.clear();
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
});

describe('options', () => {
  it('name the database', () => {
    expect(databaseName(undefined)).toBe('halfling');
    expect(databaseName('shop')).toBe('halfling-history-shop');
  });

  it.each(['ttlDays', 'maxEvents', 'sessionGapMinutes'])('refuses a %s of 0', async (option) => {
    await expect(openTab({ [option]: 0 })).rejects.toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining(`history.${option} is 0`),
    });
  });
});
