// Threads: only on an isolated page, with the bits of one, and never a condition for anything.

import type { Page } from '@playwright/test';
import type { HalflingError } from 'halfling';

import { CHROMIUM_ONLY, endWorker, expect, test } from './fixtures';
import {
  ask,
  create,
  distinct,
  keepForOffline,
  makeQuestions,
  MODEL,
  openPage,
  ORIGINAL,
  recommendIds,
  threadedRequests,
} from './package-page';

test.beforeEach(async ({ page, site }) => {
  site.reset();
  site.isolated = true;
  await openPage(page, site);
  test.skip(
    await page.evaluate(() => navigator.hardwareConcurrency < 2),
    'one processor: there are no threads to be had',
  );
});

const threads = (page: Page) => page.evaluate(() => recommender.info.threads);
/** Of the worker, and of its threads. */
const workers = (page: Page) => page.workers().map((worker) => worker.url().split('/').pop());

for (const model of [MODEL, ORIGINAL]) {
  for (const simd of ['baseline', 'relaxed'] as const) {
    test(`two threads give the bits of one: ${model}, ${simd}`, async ({
      page,
      site,
      violations,
    }) => {
      const questions = await makeQuestions(site, 200);
      const [one, two] = await Promise.all([
        ask(page, { model, simd, threads: 1 }, questions),
        ask(page, { model, simd, threads: 2 }, questions),
      ]);
      expect([one.info, two.info]).toMatchObject([
        { simd, threads: 1 },
        { simd, threads: 2 },
      ]);
      expect(two.answers).toEqual(one.answers);
      expect(two.reasons).toEqual(one.reasons);
      expect(distinct(one.answers)).toBeGreaterThan(190);
      expect(violations).toEqual([]); // the policy is as strict as for one thread
    });
  }
}

test('an isolated page has threads without asking, and from its own files alone', async ({
  page,
  site,
}) => {
  await create(page, { model: MODEL });
  const processors = await page.evaluate(() => navigator.hardwareConcurrency);
  expect(await threads(page)).toBe(Math.min(processors, 4));
  const asked = new Set(site.requests.filter((url) => /worker|wasm/.test(url)));
  expect([...asked].sort()).toEqual([
    '/dist/halfling-relaxed-threads.wasm',
    '/dist/worker-threads.js',
  ]);
});

test('a page that is not isolated has one thread and asks for no threaded file', async ({
  page,
  site,
}) => {
  site.isolated = false;
  await openPage(page, site);
  await create(page, { model: MODEL, threads: 2 });
  expect(await threads(page)).toBe(1);
  expect(await recommendIds(page)).toHaveLength(10);
  expect(threadedRequests(site)).toEqual([]);
  expect(workers(page)).toEqual(['worker.js']);
});

test('threads: 1 asks for no threaded file either', async ({ page, site }) => {
  await create(page, { model: MODEL, threads: 1 });
  expect(await threads(page)).toBe(1);
  expect(threadedRequests(site)).toEqual([]);
});

for (const missing of ['worker-threads.js', 'halfling-relaxed-threads.wasm']) {
  test(`goes on with one thread and a warning without ${missing}`, async ({ page, site }) => {
    site.replace(`/dist/${missing}`, { body: 'not here', type: 'text/plain', status: 404 });
    await create(page, { model: MODEL, threads: 2 });
    const warning = await page.evaluate(
      () =>
        new Promise<string[]>((resolve) =>
          recommender.on('warning', ({ code, message }) => resolve([code, message])),
        ),
    );
    expect(warning[0]).toBe('no-threads');
    expect(warning[1]).toContain(missing);
    expect(await threads(page)).toBe(1);
    expect(await recommendIds(page)).toHaveLength(10);
    await expect.poll(() => workers(page)).toEqual(['worker.js']);
  });
}

test('goes on with one thread where the policy lets the worker have no workers', async ({
  page,
  site,
}) => {
  // The page is here already: what is answered from now on is its workers'.
  site.policy = site.policy?.replace("worker-src 'self'", "worker-src 'none'");
  await create(page, { model: MODEL, threads: 2 });
  expect(await threads(page)).toBe(1);
  expect(await recommendIds(page)).toHaveLength(10);
});

test('dispose ends the worker and its threads', async ({ page }) => {
  await create(page, { model: MODEL, threads: 2 });
  await recommendIds(page);
  expect(workers(page)).toEqual(['worker-threads.js', 'worker-threads.js']);
  await page.evaluate(() => recommender.dispose());
  await expect.poll(() => workers(page)).toEqual([]);
});

test('an abort while loading leaves no worker and no thread', CHROMIUM_ONLY, async ({ page }) => {
  for (const after of [0, 20, 60, 120]) {
    const code = await page.evaluate(
      async ([model, milliseconds]) => {
        const stop = new AbortController();
        setTimeout(() => stop.abort(), milliseconds);
        const { signal } = stop;
        return await halfling.createRecommender({ model, threads: 2, signal }).then(
          (loaded) => loaded.dispose(),
          (error: HalflingError) => error.code,
        );
      },
      [MODEL, after] as const,
    );
    expect(code ?? 'aborted').toBe('aborted');
    await expect.poll(() => workers(page)).toEqual([]);
  }
});

test('threads end with a worker that dies', CHROMIUM_ONLY, async ({ page }) => {
  await create(page, { model: MODEL, threads: 2 });
  await recommendIds(page);
  const closed = page.evaluate(
    () => new Promise<string>((resolve) => recommender.on('close', ({ code }) => resolve(code))),
  );
  await page.evaluate(() => undefined); // by now it listens
  await endWorker(page);
  expect(await closed).toBe('worker-died');
  await expect.poll(() => workers(page)).toEqual([]);
});

test('an update keeps the threads', async ({ page, site }) => {
  await create(page, { model: MODEL, threads: 2 });
  site.mount(MODEL, site.fileOf(ORIGINAL) as string);
  expect(await page.evaluate(() => recommender.update())).toBe(true);
  expect(await threads(page)).toBe(2);
  const ids = await recommendIds(page);
  expect(workers(page)).toHaveLength(2);
  await create(page, { model: MODEL, threads: 1 });
  expect(await recommendIds(page)).toEqual(ids);
});

test('offline after the first load, with threads', async ({ page }) => {
  await keepForOffline(page);
  await create(page, { model: MODEL, threads: 2 });
  const online = await recommendIds(page);
  await page.context().setOffline(true);
  await page.reload();
  await page.waitForFunction(() => 'halfling' in globalThis);
  await create(page, { model: MODEL, threads: 2 });
  expect(await threads(page)).toBe(2);
  expect(await recommendIds(page)).toEqual(online);
});
