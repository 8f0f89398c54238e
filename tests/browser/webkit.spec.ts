// The package and the shop in WebKit. What Playwright's specs ask of the others in full is asked here
// where an engine can differ: arithmetic, workers, threads, storage, service workers.

import { expect, rootDir, test as base } from './fixtures';
import {
  ask,
  askNatively,
  binary,
  create,
  createError,
  distinct,
  keepForOffline,
  makeQuestions,
  MODEL,
  openPage,
  ORIGINAL,
  readShard,
  recommendIds,
  threadedRequests,
  type Tab,
} from './package-page';
import { PackageSite } from './package-site.mjs';
import { WebKitPage } from './webkit';

interface Fixtures {
  sharedMemory: boolean;
  /** Opens a new page; all of one test's have one profile, which is empty at first. */
  visit: () => Promise<Tab>;
  tab: Tab;
  /** A site that the test may stop. */
  ownSite: PackageSite;
}

const test = base.extend<Fixtures>({
  sharedMemory: [false, { option: true }],
  visit: async ({ sharedMemory, profile }, use) => {
    let page: WebKitPage | undefined;
    await use(async () => {
      await page?.quit();
      page = new WebKitPage({ profile, sharedMemory });
      return page.tab;
    });
    await page?.quit();
  },
  tab: async ({ visit }, use) => use(await visit()),
  ownSite: async ({}, use) => {
    const site = await PackageSite.start(rootDir);
    await use(site);
    await site.stop();
  },
});

test.skip(!WebKitPage.isInstalled(), 'WebKitGTK is not installed: scripts/setup --browsers');

test.beforeEach(({ site }) => site.reset());

for (const model of [MODEL, ORIGINAL]) {
  test(`gives the native tool's bits: ${model}`, async ({ tab, site }) => {
    await openPage(tab, site);
    const questions = await makeQuestions(site, 40);
    const { answers } = await ask(tab, { model }, questions);
    expect(answers).toEqual(askNatively(site, model, questions));
    expect(distinct(answers)).toBe(40);
  });
}

test('an isolated page without shared memory has one thread, at once', async ({ tab, site }) => {
  site.isolated = true;
  await openPage(tab, site);
  const shared = await tab.evaluate(() => 'SharedArrayBuffer' in globalThis);
  test.skip(shared, 'this WebKitGTK has shared memory unasked');
  expect(await tab.evaluate(() => crossOriginIsolated)).toBe(true);
  await create(tab, { model: MODEL, threads: 2 });
  expect(await tab.evaluate(() => recommender.info.threads)).toBe(1);
  expect(await recommendIds(tab)).toHaveLength(10);
  expect(threadedRequests(site)).toEqual([]);
});

test.describe('with shared memory', () => {
  test.use({ sharedMemory: true });

  test('two threads give the bits of one', async ({ tab, site }) => {
    site.isolated = true;
    await openPage(tab, site);
    const questions = await makeQuestions(site, 40);
    const one = await ask(tab, { model: MODEL, threads: 1 }, questions);
    expect(threadedRequests(site)).toEqual([]);
    const two = await ask(tab, { model: MODEL, threads: 2 }, questions);
    expect([one.info.threads, two.info.threads]).toEqual([1, 2]);
    expect(two.answers).toEqual(one.answers);
    expect(two.reasons).toEqual(one.reasons);
  });
});

test('the model is stored; offline after the first load', async ({ visit, ownSite: site }) => {
  const first = await visit();
  await openPage(first, site);
  await create(first, { model: MODEL });
  expect(await first.evaluate(() => recommender.info.storage)).toBe('cache');
  const online = await recommendIds(first);

  const second = await visit();
  await openPage(second, site);
  site.requests.length = 0;
  await create(second, { model: MODEL });
  expect(site.requests.filter((url) => url.startsWith(MODEL))).toEqual([`${MODEL}manifest.json`]);
  await keepForOffline(second);

  const { url } = site;
  await site.stop();
  const third = await visit();
  await third.goto(url);
  await third.waitForFunction(() => 'halfling' in globalThis);
  await create(third, { model: MODEL });
  expect(await recommendIds(third)).toEqual(online);
});

test('the history is kept with consent, and erased', async ({ visit, site }) => {
  const enter = async () => {
    const tab = await visit();
    await openPage(tab, site);
    await create(tab, { model: MODEL });
    return tab;
  };
  const view = (tab: Tab, item: string) =>
    tab.evaluate((viewed) => recommender.track({ type: 'view', item: viewed }), item);
  const databases = (tab: Tab) =>
    tab.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
  const state = (tab: Tab) =>
    tab.evaluate(() => ({
      consent: recommender.consent,
      items: recommender.getHistory().map(({ item }) => item),
    }));

  let tab = await enter();
  await view(tab, '50');
  expect(await databases(tab)).toEqual([]);
  tab = await enter();
  expect(await state(tab)).toEqual({ consent: false, items: [] });

  await view(tab, '50');
  await tab.evaluate(() => recommender.setConsent(true));
  await view(tab, '172');
  tab = await enter();
  expect(await state(tab)).toEqual({ consent: true, items: ['50', '172'] });

  await tab.evaluate(() => recommender.clearHistory());
  tab = await enter();
  expect(await state(tab)).toEqual({ consent: true, items: [] });
  await tab.evaluate(() => recommender.setConsent(false));
  expect(await databases(tab)).toEqual([]);
  tab = await enter();
  expect(await state(tab)).toEqual({ consent: false, items: [] });
});

test('errors are named', async ({ tab, site }) => {
  await openPage(tab, site);
  const { path: shard, bytes } = await readShard(site);
  const damaged = Buffer.from(bytes);
  damaged[1000] = (damaged[1000] ?? 0) ^ 1;
  site.replace(shard, binary(damaged));
  expect((await createError(tab, { model: MODEL })).code).toBe('checksum-mismatch');
  site.replace(shard, { ...binary(bytes), breakAfter: 1000 });
  expect((await createError(tab, { model: MODEL })).code).toBe('network');
  site.replace('/dist/worker.js', { body: 'no', type: 'text/plain', status: 404 });
  expect((await createError(tab, { model: MODEL })).code).toBe('worker-not-found');
  site.reset();
  await create(tab, { model: MODEL });
  expect(await recommendIds(tab)).toHaveLength(10);
});

/** In a page. A database that is not there is not opened, which would create it. */
async function countStoredEvents(): Promise<number> {
  const databases = await indexedDB.databases();
  if (!databases.some(({ name, version }) => name === 'halfling' && version)) return 0;
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('halfling');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const counting = database.transaction('events').objectStore('events').count();
      counting.onsuccess = () => {
        database.close();
        resolve(counting.result);
      };
    };
  });
}

test('the shop recommends, and needs no server after the first load', async ({ visit, serve }) => {
  const click = (tab: Tab, label: string) =>
    tab.waitForFunction((name) => {
      const buttons = [...document.querySelectorAll('button')];
      const button = buttons.find(({ textContent }) => textContent?.trim() === name);
      button?.click();
      return button !== undefined;
    }, label);
  const titles = (tab: Tab) =>
    tab.evaluate(() => {
      const shelves = [...document.querySelectorAll('.shelf')];
      const shelf = shelves.find((one) => one.querySelector('h2')?.textContent === 'For you');
      return Array.from(shelf?.querySelectorAll<HTMLElement>('li a') ?? [], ({ title }) => title);
    });
  const forYou = async (tab: Tab) => {
    await expect.poll(() => titles(tab)).toHaveLength(18);
    return titles(tab);
  };
  const server = await serve();
  const first = await visit();
  await first.goto(server.url);
  await first.waitForFunction(() => document.querySelector('.sent')?.textContent?.match(/request/));
  await click(first, 'Hitchcock');
  const online = await forYou(first);
  await click(first, 'Yes, remember');
  // Before the page may end, what was viewed is to be on the disk.
  await expect.poll(() => first.evaluate(countStoredEvents)).toBe(4);

  await server.close();
  const second = await visit();
  await second.goto(server.url);
  expect(await forYou(second)).toEqual(online);
});
