// Where the model lies, and how it comes there: real Cache API, real Web Locks, real quota.

import path from 'node:path';

import type { Page } from '@playwright/test';

import { CHROMIUM_ONLY, expect, recordRequests, rootDir, test } from './fixtures';
import {
  create,
  createError,
  keepForOffline,
  MODEL,
  openPage,
  readManifest,
  readShard,
} from './package-page';
import type { PackageSite } from './package-site.mjs';

const OTHER = path.join(rootDir, 'build/models/movielens-original');

test.beforeEach(async ({ page, site }) => {
  site.reset();
  await openPage(page, site);
});

const modelRequests = (site: PackageSite) =>
  site.requests.filter((url) => url.startsWith(MODEL)).map((url) => url.slice(MODEL.length));
const storedModels = (page: Page) => page.evaluate(() => halfling.modelCache.list());
const storage = (page: Page) => page.evaluate(() => recommender.info.storage);
/** Those from before anybody listened. */
const earlyWarnings = (page: Page) =>
  page.evaluate(() => {
    const heard: string[] = [];
    recommender.on('warning', ({ code, message }) => heard.push(`${code}: ${message}`));
    return heard;
  });
/** The top of a list that needs the whole model. */
const recommendTitles = (page: Page) =>
  page.evaluate(async () => {
    const history = recommender.items.slice(0, 2).map(({ id }) => id);
    return (await recommender.recommend({ history })).map(({ item }) => item.title);
  });

test('the second visit asks for the manifest alone', async ({ page, site }) => {
  await create(page, { model: MODEL });
  const first = await recommendTitles(page);
  const { version, files } = await readManifest(site);
  expect(modelRequests(site).sort()).toEqual(
    ['manifest.json', ...files.map((file) => file.path)].sort(),
  );
  expect(await storage(page)).toBe('cache');
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const [stored, ...others] = await storedModels(page);
  expect(others).toEqual([]);
  expect(stored).toMatchObject({ model: `${site.url}${MODEL.slice(1)}manifest.json`, version });
  expect(stored?.bytes).toBeGreaterThan(bytes);

  await openPage(page, site);
  site.requests.length = 0;
  await create(page, { model: MODEL });
  expect(modelRequests(site)).toEqual(['manifest.json']);
  expect(await recommendTitles(page)).toEqual(first);
});

test('offline after the first load: reload, then recommend', async ({ page }) => {
  await keepForOffline(page);
  await create(page, { model: MODEL });
  const online = await recommendTitles(page);
  await page.context().setOffline(true);
  await page.reload();
  await page.waitForFunction(() => 'halfling' in globalThis);
  await create(page, { model: MODEL });
  expect(await recommendTitles(page)).toEqual(online);
});

test('a server that says nothing is not waited for by who has the model', async ({
  page,
  site,
}) => {
  await create(page, { model: MODEL });
  const before = await recommendTitles(page);
  await openPage(page, site);
  const after = new Promise(() => undefined); // never
  site.replace(`${MODEL}manifest.json`, { body: '{}', type: 'application/json', after });
  const start = Date.now();
  await create(page, { model: MODEL });
  expect(Date.now() - start).toBeLessThan(20_000); // of which it waits three
  expect(await recommendTitles(page)).toEqual(before);
  expect(await page.evaluate(() => recommender.lastCall?.requestsSinceLoading)).toBe(0);
});

test('a service worker that answers from all caches does not hold a newer version back', async ({
  page,
  site,
}) => {
  const body = `
    self.addEventListener('fetch', (event) => {
      const find = caches.match(event.request, { ignoreSearch: true });
      event.respondWith(find.then((found) => found ?? fetch(event.request)));
    });`;
  site.replace('/all-caches.js', { body, type: 'text/javascript' });
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('/all-caches.js');
    await navigator.serviceWorker.ready;
  });
  await openPage(page, site);
  expect(await page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true);
  await create(page, { model: MODEL });
  site.mount(MODEL, OTHER);
  const { version } = await readManifest(site);
  await openPage(page, site);
  await create(page, { model: MODEL });
  expect(await page.evaluate(() => recommender.info.version)).toBe(version);
});

test('offlineOnly takes what is stored, and asks for nothing', async ({ page, site }) => {
  const error = await createError(page, { model: MODEL, offlineOnly: true });
  expect(error.code).toBe('not-stored');
  expect(error.message).toContain(`${MODEL}manifest.json`);
  await create(page, { model: MODEL });
  site.requests.length = 0;
  await create(page, { model: MODEL, offlineOnly: true });
  expect(await recommendTitles(page)).toHaveLength(10);
  expect(modelRequests(site)).toEqual([]);
});

test('cache: false stores nothing', async ({ page }) => {
  await create(page, { model: MODEL, cache: false });
  expect(await storage(page)).toBe('memory');
  expect(await page.evaluate(() => caches.keys())).toEqual([]);
});

test('two tabs download once', async ({ page, site, context }) => {
  const { path: shard, bytes } = await readShard(site);
  let release: (value?: unknown) => void = () => undefined;
  const after = new Promise((resolve) => (release = resolve));
  site.replace(shard, { body: bytes, type: 'application/octet-stream', after });
  const other = await context.newPage();
  await openPage(other, site);
  const first = create(page, { model: MODEL });
  const second = create(other, { model: MODEL });
  // Both have the manifest and want the model: one downloads, the other waits for its lock.
  await expect
    .poll(async () => {
      const { held, pending } = await page.evaluate(() => navigator.locks.query());
      return [held, pending].map(
        (locks) => locks?.filter(({ name }) => name?.startsWith('halfling-model')).length,
      );
    })
    .toEqual([1, 1]);
  release();
  await Promise.all([first, second]);
  expect(await recommendTitles(other)).toEqual(await recommendTitles(page));
  expect(modelRequests(site).filter((file) => file.endsWith('.safetensors'))).toHaveLength(1);
});

test('an interrupted download goes on where it was', async ({ page, site }) => {
  const { path: shard, bytes } = await readShard(site);
  let interrupt: (value?: unknown) => void = () => undefined;
  const after = new Promise((resolve) => (interrupt = resolve));
  site.replace(shard, { body: bytes, type: 'application/octet-stream', breakAfter: 1000, after });
  const failing = createError(page, { model: MODEL });
  await expect.poll(async () => (await storedModels(page))[0]?.bytes).toBeGreaterThan(100_000);
  interrupt();
  expect((await failing).code).toBe('network');
  const [partial] = await storedModels(page);
  expect(partial?.bytes).toBeGreaterThan(100_000); // the catalogue
  expect(partial?.version).toBeUndefined(); // no manifest: not whole

  site.reset();
  const progress = await page.evaluate(async (model) => {
    const loaded: number[] = [];
    globalThis.recommender = await halfling.createRecommender({
      model,
      onProgress: ({ loadedBytes, totalBytes }) => loaded.push(loadedBytes / totalBytes),
    });
    return loaded;
  }, MODEL);
  expect(modelRequests(site)).toEqual(['manifest.json', shard.slice(MODEL.length)]);
  expect(progress.at(-1)).toBe(1);
  expect(await recommendTitles(page)).toHaveLength(10);
});

test('a page that is left in mid-download leaves no lock and a good start', async ({
  page,
  site,
}) => {
  const { path: shard, bytes } = await readShard(site);
  const after = new Promise(() => undefined); // never
  site.replace(shard, { body: bytes, type: 'application/octet-stream', after });
  await page.evaluate((model) => void halfling.createRecommender({ model }), MODEL);
  await expect.poll(() => site.requests.includes(shard)).toBe(true);
  await page.reload();
  await page.waitForFunction(() => 'halfling' in globalThis);
  site.reset();
  await create(page, { model: MODEL });
  expect(await recommendTitles(page)).toHaveLength(10);
});

test('a corrupted shard is refused, kept nowhere, and fetched again', async ({ page, site }) => {
  const { path: shard, bytes } = await readShard(site);
  const damaged = Buffer.from(bytes);
  damaged.writeUInt8(damaged.readUInt8(99) ^ 1, 99);
  site.replace(shard, { body: damaged, type: 'application/octet-stream' });
  expect((await createError(page, { model: MODEL })).code).toBe('checksum-mismatch');
  const keys = await page.evaluate(async () => {
    const names = await caches.keys();
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return requests.flat().map(({ url }) => url);
  });
  expect(keys.filter((key) => key.includes('.safetensors'))).toEqual([]);
  site.reset();
  await create(page, { model: MODEL });
  expect(await recommendTitles(page)).toHaveLength(10);
});

test('a stored shard that was damaged since is fetched again', async ({ page, site }) => {
  await create(page, { model: MODEL });
  const before = await recommendTitles(page);
  await page.evaluate(async () => {
    const [name] = await caches.keys();
    const cache = await caches.open(name as string);
    const request = (await cache.keys()).find(({ url }) => url.includes('.safetensors')) as Request;
    await cache.put(request, new Response('not what it was'));
  });
  await openPage(page, site);
  site.requests.length = 0;
  await create(page, { model: MODEL });
  const { path: shard } = await readShard(site);
  expect(modelRequests(site).sort()).toEqual(['manifest.json', shard.slice(MODEL.length)].sort());
  expect(await recommendTitles(page)).toEqual(before);
});

test('a full quota: the model in memory, said once, nothing half stored', CHROMIUM_ONLY, async ({
  page,
  site,
}) => {
  const session = await page.context().newCDPSession(page);
  const origin = site.url.slice(0, -1);
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 200_000 });
  await create(page, { model: MODEL });
  expect(await storage(page)).toBe('memory');
  expect(await recommendTitles(page)).toHaveLength(10);
  const warnings = await earlyWarnings(page);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^model-not-stored: .*free some space/);
  expect(await page.evaluate(() => caches.keys().then((keys) => keys.length))).toBe(1);
  expect((await storedModels(page))[0]).toMatchObject({ bytes: 0 });

  await session.send('Storage.overrideQuotaForOrigin', { origin });
  await create(page, { model: MODEL });
  expect(await storage(page)).toBe('cache');
});

test('a new version replaces the stored one at the next visit', async ({ page, site }) => {
  await create(page, { model: MODEL });
  await openPage(page, site);
  site.mount(MODEL, OTHER);
  await create(page, { model: MODEL });
  const { version, files } = await readManifest(site);
  expect(await page.evaluate(() => recommender.info.version)).toBe(version);
  const [stored, ...others] = await storedModels(page);
  expect(others).toEqual([]);
  expect(stored?.version).toBe(version);
  const keys = await page.evaluate(async () => {
    const [name] = await caches.keys();
    return (await (await caches.open(name as string)).keys()).length;
  });
  expect(keys).toBe(files.length + 1); // the older ones are gone
});

test('a deployment that is half done leaves the stored version in use', async ({ page, site }) => {
  await create(page, { model: MODEL });
  const { version: older } = await readManifest(site);
  const before = await recommendTitles(page);
  await openPage(page, site);
  site.mount(MODEL, OTHER);
  const { version: newer } = await readManifest(site);
  const { path: shard } = await readShard(site);
  site.replace(shard, { body: 'not yet', type: 'text/plain', status: 404 });
  await create(page, { model: MODEL });
  const warnings = await earlyWarnings(page);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^model-outdated: .*\.safetensors answered HTTP 404/);
  expect(await page.evaluate(() => recommender.info)).toMatchObject({
    version: older,
    storage: 'cache',
  });
  expect(await recommendTitles(page)).toEqual(before);
  expect(await page.evaluate(() => recommender.lastCall?.requestsSinceLoading)).toBe(0);

  site.reset();
  site.mount(MODEL, OTHER); // now as a whole
  expect(await page.evaluate(() => recommender.update())).toBe(true);
  expect(await page.evaluate(() => recommender.info.version)).toBe(newer);
});

test('update() swaps a new version in, and no call is dropped', async ({ page, site }) => {
  await create(page, { model: MODEL });
  expect(await page.evaluate(() => recommender.update())).toBe(false);
  const before = await recommendTitles(page);
  expect(await page.evaluate(() => recommender.lastCall?.requestsSinceLoading)).toBe(1);
  site.mount(MODEL, OTHER);
  const result = await page.evaluate(async () => {
    const history = recommender.items.slice(0, 2).map(({ id }) => id);
    const heard: string[] = [];
    recommender.on('update', ({ version }) => heard.push(version));
    let done = false;
    const updating = recommender.update().finally(() => (done = true));
    const lists: string[] = [];
    while (!done) {
      const list = await recommender.recommend({ history });
      lists.push(list.map(({ item }) => item.title).join('|'));
    }
    return { updated: await updating, lists, heard, info: recommender.info };
  });
  const { version } = await readManifest(site);
  expect(result.updated).toBe(true);
  expect(result.heard).toEqual([version]);
  expect(result.info).toMatchObject({ version, storage: 'cache' });
  const after = await recommendTitles(page);
  expect(after).not.toEqual(before);
  expect(result.lists.length).toBeGreaterThan(3);
  const kinds = new Set(result.lists);
  for (const list of kinds) expect([before.join('|'), after.join('|')]).toContain(list);
  expect(result.lists[0]).toBe(before.join('|'));
  expect(await page.evaluate(() => recommender.update())).toBe(false);
});

test('an update that fails leaves the model that is there', async ({ page, site }) => {
  await create(page, { model: MODEL });
  const before = await recommendTitles(page);
  site.mount(MODEL, OTHER);
  const { path: shard, bytes } = await readShard(site);
  site.replace(shard, { body: bytes.subarray(1), type: 'application/octet-stream' });
  const code = await page.evaluate(() => recommender.update().catch((error) => error.code));
  expect(code).toBe('truncated-file');
  expect(await recommendTitles(page)).toEqual(before);

  // Nor is the stored one lost.
  await openPage(page, site);
  await create(page, { model: MODEL, offlineOnly: true });
  expect(await recommendTitles(page)).toEqual(before);
});

test('an update for which there is no room runs in memory; the older one stays stored', CHROMIUM_ONLY, async ({
  page,
  site,
}) => {
  await create(page, { model: MODEL });
  const { version: older } = await readManifest(site);
  const before = await recommendTitles(page);
  site.mount(MODEL, OTHER);
  const { version: newer } = await readManifest(site);
  const session = await page.context().newCDPSession(page);
  const origin = site.url.slice(0, -1);
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_000_000 });
  const result = await page.evaluate(async () => {
    const warnings: string[] = [];
    recommender.on('warning', ({ code }) => warnings.push(code));
    return { updated: await recommender.update(), warnings, info: recommender.info };
  });
  expect(result).toMatchObject({ updated: true, warnings: ['model-not-stored'] });
  expect(result.info).toMatchObject({ version: newer, storage: 'memory' });
  expect(await recommendTitles(page)).not.toEqual(before);

  await openPage(page, site);
  await create(page, { model: MODEL, offlineOnly: true });
  expect(await page.evaluate(() => recommender.info.version)).toBe(older);
  expect(await recommendTitles(page)).toEqual(before);
});

test('modelCache deletes what it lists', async ({ page }) => {
  const requests = recordRequests(page);
  await create(page, { model: MODEL });
  expect(await page.evaluate((model) => halfling.modelCache.delete(model), MODEL)).toBe(true);
  expect(await storedModels(page)).toEqual([]);
  expect(await page.evaluate((model) => halfling.modelCache.delete(model), MODEL)).toBe(false);
  await create(page, { model: MODEL });
  await page.evaluate(() => halfling.modelCache.clear());
  expect(await page.evaluate(() => caches.keys())).toEqual([]);
  expect(requests.filter((url) => url.endsWith('.safetensors'))).toHaveLength(2);
});
