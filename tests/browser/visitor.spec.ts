// The visitor's history and what follows from it, in a real page.

import type { Page } from '@playwright/test';
import type { HistoryEvent, TrackEvent } from 'halfling';

import { CHROMIUM_ONLY, endWorker, expect, filesHolding, recordRequests, test } from './fixtures';
import { create, MODEL, openPage } from './package-page';

test.beforeEach(async ({ page, site }) => {
  site.reset();
  await openPage(page, site);
});

const track = (page: Page, ...events: TrackEvent[]) =>
  page.evaluate(async (all) => {
    for (const event of all) await recommender.track(event);
  }, events);
const view = (page: Page, ...items: string[]) =>
  track(page, ...items.map((item): TrackEvent => ({ type: 'view', item })));
const recommended = (page: Page, options: object = {}) =>
  page.evaluate(async (given) => (await recommender.recommend(given)).map(({ id }) => id), options);
const history = (page: Page) =>
  page.evaluate(() => recommender.getHistory().map(({ item }) => item));
const databases = (page: Page) =>
  page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));

/** Mean Jaccard index of the words of two categories, over all pairs of a list. */
const likeness = (list: readonly { item: { category?: string } }[]) => {
  const words = list.map(({ item }) => new Set(item.category?.split(/[\s,|]+/)));
  const pairs = words.flatMap((a, i) => words.slice(i + 1).map((b) => [a, b] as const));
  const index = ([a, b]: (typeof pairs)[number]) =>
    [...a].filter((word) => b.has(word)).length / new Set([...a, ...b]).size;
  return pairs.reduce((sum, pair) => sum + index(pair), 0) / pairs.length;
};

test('a cold visitor gets what is popular, with its date', async ({ page }) => {
  await create(page, { model: MODEL });
  const { list, trending, items, date } = await page.evaluate(async () => ({
    list: await recommender.recommend(),
    trending: await recommender.trending(),
    items: recommender.items,
    date: recommender.info.popularityDate,
  }));
  const popular = [...items].sort((a, b) => b.popularity - a.popularity).slice(0, 10);
  expect(list.map(({ item }) => item.popularity)).toEqual(popular.map((item) => item.popularity));
  expect(new Set(list.map(({ source }) => source))).toEqual(new Set(['popularity']));
  expect(trending).toEqual(list);
  expect(date).toBe('1998-04-22'); // of MovieLens-100k's last event
});

test('the history changes the list', async ({ page }) => {
  await create(page, { model: MODEL });
  await view(page, '50');
  const one = await recommended(page);
  expect(one).not.toContain('50');
  expect(one).toEqual(await recommended(page, { history: ['50'] }));
  await track(page, { type: 'like', item: '71' }, { type: 'purchase', item: '95' });
  const three = await recommended(page);
  expect(three).not.toEqual(one);
  expect(three).toEqual(await recommended(page, { history: ['50', '71', '95'] }));

  const wanted = three[0] as string;
  await track(page, { type: 'dismiss', item: wanted });
  expect(await recommended(page)).not.toContain(wanted);
  expect(await recommended(page, { history: ['50', '71', '95'] })).toContain(wanted);

  const allow = ['50', '71', '95'];
  expect(await recommended(page, { allow })).toEqual([]);
  const unseen = await recommended(page, { allow, excludeSeen: 'purchased' });
  expect(unseen.sort()).toEqual(['50', '71']);
  expect(await recommended(page, { allow, excludeSeen: false })).toHaveLength(3);

  await page.evaluate(() => recommender.clearHistory());
  const sources = await page.evaluate(async () =>
    (await recommender.recommend()).map(({ source }) => source),
  );
  expect(new Set(sources)).toEqual(new Set(['popularity']));
});

test('what is dismissed is neither popular nor similar any more', async ({ page }) => {
  await create(page, { model: MODEL });
  const lists = () =>
    page.evaluate(async () => {
      const all = [await recommender.trending(), await recommender.similar('50')];
      return all.map((list) => list.map(({ id }) => id));
    });
  const [popular = [], similar = []] = await lists();
  const gone = [popular[1], similar[0]].map((item): TrackEvent => {
    return { type: 'dismiss', item: item as string };
  });
  await track(page, ...gone);
  for (const list of await lists()) {
    expect(list).toHaveLength(10);
    for (const { item } of gone) expect(list).not.toContain(item);
  }
});

test('filter, boost, threshold and diversity', async ({ page }) => {
  await create(page, { model: MODEL });
  const lists = await page.evaluate(async () => {
    const isWar = (item: { category?: string }) => item.category?.includes('War') ?? false;
    const options = { history: ['50', '172'], limit: 8 };
    const plain = await recommender.recommend(options);
    const threshold = plain[3]?.score ?? 0;
    const last = plain.at(-1)?.id;
    return {
      plain,
      war: await recommender.recommend({ ...options, filter: isWar }),
      boosted: await recommender.recommend({
        ...options,
        boost: ({ id }) => (id === last ? 10 : 0),
      }),
      buried: await recommender.recommend({
        ...options,
        boost: ({ id }) => (id === plain[0]?.id ? -Infinity : 0),
      }),
      over: await recommender.recommend({ ...options, threshold }),
      diverse: await recommender.recommend({ ...options, diversity: 0.7 }),
    };
  });
  const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);
  expect(lists.war).toHaveLength(8);
  for (const { item } of lists.war) expect(item.category).toContain('War');
  expect(ids(lists.boosted)[0]).toBe(ids(lists.plain).at(-1));
  expect(ids(lists.boosted).slice(1)).toEqual(ids(lists.plain).slice(0, 7));
  expect(lists.boosted[0]?.score).toBe(lists.plain.at(-1)?.score); // a boost is no score
  expect(ids(lists.buried).slice(0, 7)).toEqual(ids(lists.plain).slice(1));
  expect(ids(lists.over)).toEqual(ids(lists.plain).slice(0, 4));

  expect(ids(lists.diverse)[0]).toBe(ids(lists.plain)[0]);
  expect(likeness(lists.diverse)).toBeLessThan(likeness(lists.plain));
  expect(lists.diverse.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test('the search is exact, also when a boost lifts what is far down', async ({ page }) => {
  await create(page, { model: MODEL });
  const result = await page.evaluate(async () => {
    const history = ['50', '172'];
    const all = await recommender.recommend({ history, limit: 1000 });
    const far = all.at(-1)?.id;
    const boost = ({ id }: { id: string }) => (id === far ? 50 : 0);
    const [first] = await recommender.recommend({ history, boost, limit: 1 });
    const exact = recommender.lastCall?.exact;
    await recommender.recommend({ history, beamWidth: 5 });
    return { far, first: first?.id, exact, byBeam: recommender.lastCall?.exact };
  });
  expect(result.first).toBe(result.far);
  expect(result.exact).toBe(true);
  expect(result.byBeam).toBe(false);
});

test('similar and explain', async ({ page }) => {
  await create(page, { model: MODEL });
  const own = ['50', '71', '588'];
  await view(page, ...own);
  const result = await page.evaluate(async () => {
    const [best] = await recommender.recommend({ limit: 1 });
    const id = best?.id ?? '';
    const scoreAfter = async (history: string[]) =>
      (await recommender.recommend({ history, allow: [id] }))[0]?.score ?? NaN;
    const all = recommender.getHistory().map(({ item }) => item);
    const contributions: Record<string, number> = {};
    for (const left of all) {
      const rest = all.filter((item) => item !== left);
      contributions[left] = (await scoreAfter(all)) - (await scoreAfter(rest));
    }
    return {
      reasons: await recommender.explain(id),
      contributions,
      one: await recommender.explain(id, { history: ['50'] }),
      oneByScores: (await scoreAfter(['50'])) - (await scoreAfter([])), // of popularity
      none: await recommender.explain(id, { history: [] }),
      similar: await recommender.similar('50'),
      after: await recommender.recommend({ history: ['50'] }),
      unknown: await recommender.explain('no such film').catch((error) => error.code),
      unknownSimilar: await recommender.similar('no such film').catch((error) => error.message),
    };
  });
  expect(result.reasons.map(({ id }) => id).sort()).toEqual([...own].sort());
  for (const { id, contribution } of result.reasons) {
    expect(contribution).toBeCloseTo(result.contributions[id] ?? NaN, 5);
  }
  const contributions = result.reasons.map(({ contribution }) => contribution);
  expect(contributions).toEqual([...contributions].sort((a, b) => b - a));
  expect(result.one).toMatchObject([{ id: '50' }]);
  expect(result.one[0]?.contribution).toBeCloseTo(result.oneByScores, 5);
  expect(result.none).toEqual([]);
  expect(result.similar).toEqual(result.after);
  expect(result.unknown).toBe('unknown-item');
  expect(result.unknownSimilar).toMatch(/^`similar\(\)` names the item "no such film"/);
});

test('works with the site’s own items', async ({ page }) => {
  const result = await page.evaluate(async (model) => {
    const shop = await halfling.createRecommender({
      model,
      toItem: ({ id, title }) =>
        Number(id) % 2 === 0 ? { sku: `film-${id}`, name: title, price: Number(id) } : undefined,
    });
    const list = await shop.recommend({ history: ['50'], filter: ({ price }) => price < 500 });
    return list.map(({ item, id }) => ({ ...item, id }));
  }, MODEL);
  expect(result).toHaveLength(10);
  for (const { sku, price, id } of result) {
    expect(sku).toBe(`film-${id}`);
    expect(price % 2).toBe(0);
    expect(price).toBeLessThan(500);
  }
});

test('several tabs stay in step', async ({ page, site, context }) => {
  const other = await context.newPage();
  await openPage(other, site);
  await create(page, { model: MODEL, history: { consent: true } });
  await create(other, { model: MODEL });
  await view(page, '50');
  await expect.poll(() => history(other)).toEqual(['50']);
  await view(other, '71');
  await expect.poll(() => history(page)).toEqual(['50', '71']);
  expect(await recommended(page)).toEqual(await recommended(other));

  await page.evaluate(() => recommender.setConsent(false));
  await expect.poll(() => other.evaluate(() => recommender.consent)).toBe(false);
  await view(other, '95');
  expect(await databases(other)).toEqual([]);
});

test('a withdrawal does not wait for a tab that holds the database', async ({
  page,
  site,
  context,
}) => {
  await create(page, { model: MODEL, history: { consent: true } });
  await view(page, '50');
  const frozen = await context.newPage();
  await openPage(frozen, site);
  await frozen.evaluate(async () => {
    const opening = indexedDB.open('halfling');
    await new Promise((resolve) => (opening.onsuccess = resolve));
    Object.assign(globalThis, { held: opening.result }); // and nobody who closes it when asked to
  });
  await page.evaluate(() => recommender.setConsent(false));
  const left = await frozen.evaluate(async () => {
    const { held } = globalThis as unknown as { held: IDBDatabase };
    const counting = held.transaction('events').objectStore('events').count();
    await new Promise((resolve) => (counting.onsuccess = resolve));
    return counting.result;
  });
  expect(left).toBe(0);

  await openPage(page, site);
  await create(page, { model: MODEL });
  expect(await page.evaluate(() => recommender.consent)).toBe(false);
  await frozen.close();
  await expect.poll(() => databases(page)).toEqual([]);
});

test('who clears the site’s data has withdrawn the consent', CHROMIUM_ONLY, async ({
  page,
  site,
  context,
}) => {
  await create(page, { model: MODEL, history: { consent: true } });
  await view(page, '50');
  const session = await context.newCDPSession(page);
  await session.send('Storage.clearDataForOrigin', {
    origin: new URL(site.url).origin,
    storageTypes: 'indexeddb',
  });
  await expect.poll(() => page.evaluate(() => recommender.consent)).toBe(false);
  await view(page, '71');
  expect(await databases(page)).toEqual([]);
});

test('a page from the back-forward cache learns what it has missed', async ({ page }) => {
  await create(page, { model: MODEL, history: { consent: true } });
  await view(page, '50', '71');
  await page.evaluate(async () => {
    const opening = indexedDB.open('halfling');
    await new Promise((resolve) => (opening.onsuccess = resolve));
    const transaction = opening.result.transaction('events', 'readwrite');
    const store = transaction.objectStore('events');
    const time = Date.now();
    store.clear();
    store.put({ key: `${time}`.padStart(15, '0'), type: 'view', item: '95', time });
    await new Promise((resolve) => (transaction.oncomplete = resolve));
    opening.result.close();
  });
  expect(await history(page)).toEqual(['50', '71']);
  await page.evaluate(() =>
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })),
  );
  await expect.poll(() => history(page)).toEqual(['95']);
});

test('dispose() ends the history too', async ({ page }) => {
  await create(page, { model: MODEL, history: { consent: true } });
  const codes = await page.evaluate(async () => {
    recommender.dispose();
    const calls = [
      recommender.track({ type: 'view', item: '50' }),
      recommender.importHistory({ events: [] }),
      recommender.forget('50'),
      recommender.clearHistory(),
      recommender.setConsent(false),
      recommender.explain('50'),
    ];
    return await Promise.all(calls.map((call) => call.catch((error) => error.code)));
  });
  expect(new Set(codes)).toEqual(new Set(['disposed']));
});

test('exports everything, and clears it', async ({ page, site }) => {
  await create(page, { model: MODEL, history: { consent: true } });
  await view(page, '50');
  await openPage(page, site);
  await create(page, { model: MODEL });
  await track(page, { type: 'purchase', item: '71' });
  const exported = await page.evaluate(() => JSON.stringify(recommender.exportHistory()));
  const { consent, events } = JSON.parse(exported) as { consent: boolean; events: HistoryEvent[] };
  expect(consent).toBe(true);
  expect(events.map(({ type, item }) => `${type} ${item}`)).toEqual(['view 50', 'purchase 71']);
  await page.evaluate(() => recommender.clearHistory());
  await openPage(page, site);
  await create(page, { model: MODEL });
  expect(await history(page)).toEqual([]);
});

test('a worker that dies is told of', CHROMIUM_ONLY, async ({ page }) => {
  await create(page, { model: MODEL });
  await page.evaluate(() => {
    const heard: string[] = ((globalThis as { heard?: string[] }).heard = []);
    recommender.on('close', ({ code }) => heard.push(code));
  });
  await endWorker(page);
  await expect
    .poll(() => page.evaluate(() => (globalThis as { heard?: string[] }).heard))
    .toEqual(['worker-died']);
});

test('nothing is sent: no request of any kind while every feature is used', async ({
  page,
  violations,
}) => {
  const requests = recordRequests(page);
  await create(page, { model: MODEL });
  expect(requests.some((url) => url.endsWith('.safetensors'))).toBe(true); // workers are seen too
  const whenLoaded = requests.length;
  const counted = await page.evaluate(async () => {
    await recommender.recommend();
    await recommender.setConsent(true);
    for (const type of ['view', 'add-to-cart', 'purchase', 'like', 'dismiss'] as const) {
      await recommender.track({ type, item: type === 'dismiss' ? '1' : '50' });
    }
    const [best] = await recommender.recommend({
      filter: () => true,
      boost: () => 0.1,
      diversity: 0.5,
      threshold: -20,
      exclude: ['2'],
    });
    await recommender.similar('50');
    await recommender.trending();
    await recommender.explain(best?.id ?? '');
    await recommender.importHistory(recommender.exportHistory());
    await recommender.forget('1');
    await halfling.modelCache.list();
    await halfling.isSupported();
    await recommender.clearHistory();
    await recommender.setConsent(false);
    await recommender.recommend({ history: ['50'] });
    return recommender.lastCall?.requestsSinceLoading;
  });
  await page.evaluate(() => recommender.dispose());
  await page.waitForTimeout(500);
  expect(requests.slice(whenLoaded)).toEqual([]);
  expect(counted).toBe(0);
  expect(violations).toEqual([]);
});

test.describe('on the disk', CHROMIUM_ONLY, () => {
  const MARKER = 'marker-7e57ab1e';

  test('without consent there is no trace', async ({ site, profile, inProfile }) => {
    await inProfile(async (page) => {
      await openPage(page, site);
      await create(page, { model: MODEL });
      await view(page, MARKER, '50');
      expect(await recommended(page)).toHaveLength(10);
      expect(await databases(page)).toEqual([]);
    });
    expect(filesHolding(profile, MARKER)).toEqual([]);

    await inProfile(async (page) => {
      await openPage(page, site);
      await create(page, { model: MODEL, history: { consent: true } });
      await view(page, MARKER, '50');
    });
    expect(filesHolding(profile, MARKER)).not.toEqual([]); // or the search would prove nothing
  });

  // The bytes of a deleted database are overwritten when the browser tidies up, which no page can
  // hasten: what can be had is that nothing of it can be read any more.
  test('withdrawn consent leaves no database', async ({ site, inProfile }) => {
    await inProfile(async (page) => {
      await openPage(page, site);
      await create(page, { model: MODEL, history: { consent: true } });
      await view(page, MARKER, '50');
    });
    await inProfile(async (page) => {
      await openPage(page, site);
      await create(page, { model: MODEL });
      expect(await history(page)).toEqual([MARKER, '50']);
      await page.evaluate(() => recommender.setConsent(false));
      expect(await databases(page)).toEqual([]);
    });
    await inProfile(async (page) => {
      await openPage(page, site);
      await create(page, { model: MODEL });
      expect(await page.evaluate(() => recommender.consent)).toBe(false);
      expect(await history(page)).toEqual([]);
      expect(await databases(page)).toEqual([]);
    });
  });

  test('a crash in mid-write leaves a history that is whole', async ({ site, inProfile }) => {
    await inProfile(async (page, context) => {
      await openPage(page, site);
      await create(page, { model: MODEL, history: { consent: true } });
      await view(page, '0'); // which is stored when it resolves
      await page.evaluate(() => {
        for (let i = 1; i < 300; i++) void recommender.track({ type: 'view', item: `${i}` });
      });
      const session = await context.newCDPSession(page);
      const crashed = page.waitForEvent('crash');
      session.send('Page.crash').catch(() => undefined);
      await crashed;

      const next = await context.newPage();
      await openPage(next, site);
      await create(next, { model: MODEL });
      expect(await next.evaluate(() => recommender.consent)).toBe(true);
      const kept = await history(next);
      expect(kept.length).toBeGreaterThan(0);
      expect(kept).toEqual(Array.from(kept, (_, i) => `${i}`)); // what came first, without gaps
      await view(next, 'after');
      expect((await history(next)).at(-1)).toBe('after');
    });
  });
});
