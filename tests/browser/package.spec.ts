// The package by itself: the built files as they are, real models, a strict policy.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { HalflingError } from 'halfling';

import { CHROMIUM_ONLY, endWorker, expect, recordRequests, test } from './fixtures';
import {
  ask,
  askNatively,
  binary,
  create,
  createError,
  distinct,
  makeQuestions,
  MODEL,
  openPage,
  ORIGINAL,
  readManifest,
  readShard,
} from './package-page';

declare global {
  var recommendCode: () => Promise<string>;
}

test.beforeEach(async ({ page, site }) => {
  site.reset();
  await openPage(page, site);
});

test('loads with progress and recommends, without a policy violation', async ({
  page,
  violations,
}) => {
  const result = await page.evaluate(async (model) => {
    const progress: number[] = [];
    const recommender = await halfling.createRecommender({
      model,
      onProgress: ({ loadedBytes, totalBytes }) => progress.push(loadedBytes / totalBytes),
    });
    const history = [...recommender.items]
      .sort((a, b) => b.popularity - a.popularity)
      .slice(0, 3)
      .map((item) => item.id);
    const list = await recommender.recommend({ history, limit: 7 });
    const { items, info, lastCall } = recommender;
    return { progress, list, history, numItems: items.length, info, lastCall };
  }, MODEL);

  expect(result.progress.at(-1)).toBe(1);
  expect(result.progress).toEqual([...result.progress].sort((a, b) => a - b));
  expect(result.list.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  const scores = result.list.map(({ score }) => score);
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
  expect(Math.max(...scores)).toBeLessThan(1e-5);
  expect(new Set(result.list.map(({ id }) => id)).size).toBe(7);
  for (const { id, item } of result.list) {
    expect(item.id).toBe(id);
    expect(result.history).not.toContain(id);
  }
  expect(result.numItems).toBeGreaterThan(1000);
  expect(result.info.modelBytes).toBeGreaterThan(100_000);
  expect(result.lastCall?.milliseconds).toBeGreaterThan(0);
  expect(violations).toEqual([]);
});

test('really runs the relaxed build where the browser has relaxed SIMD', async ({ page }) => {
  const requests = recordRequests(page);
  await create(page, { model: MODEL });
  expect(await page.evaluate(() => recommender.info.simd)).toBe('relaxed');
  const wasm = requests.filter((url) => url.endsWith('.wasm')).map((url) => url.split('/').pop());
  expect(wasm).toEqual(['halfling-relaxed.wasm']);
});

for (const model of [MODEL, ORIGINAL]) {
  test(`relaxed, baseline and the native tool give the same bits: ${model}`, async ({
    page,
    site,
  }) => {
    const questions = await makeQuestions(site, 200);
    const [relaxed, baseline] = await Promise.all([
      ask(page, { model, simd: 'relaxed' }, questions),
      ask(page, { model, simd: 'baseline' }, questions),
    ]);
    expect([relaxed.info.simd, baseline.info.simd]).toEqual(['relaxed', 'baseline']);
    expect(relaxed.answers).toEqual(baseline.answers);
    expect(relaxed.reasons).toEqual(baseline.reasons);
    expect(distinct(baseline.answers)).toBeGreaterThan(190);
    const some = questions.slice(0, 40);
    expect(baseline.answers.slice(0, 40)).toEqual(askNatively(site, model, some));
  });
}

test('filters: exclude, allow, excludeSeen', async ({ page }) => {
  await create(page, { model: MODEL });
  const lists = await page.evaluate(async () => {
    const history = [recommender.items[0]?.id ?? ''];
    const ids = async (options: object) =>
      (await recommender.recommend({ history, ...options })).map(({ id }) => id);
    const all = await ids({});
    return {
      all,
      history,
      without: await ids({ exclude: all.slice(0, 3) }),
      only: await ids({ allow: [all[4], all[2], ...history] }),
      none: await ids({ allow: [] }),
      seen: await ids({ allow: history, excludeSeen: false }),
    };
  });
  expect(lists.without).toHaveLength(10);
  expect(lists.without.filter((id) => lists.all.slice(0, 3).includes(id))).toEqual([]);
  expect(lists.only).toEqual([lists.all[2], lists.all[4]]);
  expect(lists.none).toEqual([]);
  expect(lists.seen).toEqual(lists.history);
});

test('a bad request is named and leaves the recommender usable', async ({ page }) => {
  await create(page, { model: MODEL });
  const result = await page.evaluate(async () => {
    const known = recommender.items[0]?.id ?? '';
    const errorOf = (history: string[], limit?: number) =>
      recommender.recommend({ history, ...(limit !== undefined && { limit }) }).then(
        () => 'no error',
        (error: HalflingError) => `${error.code}: ${error.message}`,
      );
    return {
      unknown: await recommender.similar('no such film').catch(String),
      long: await errorOf(Array.from({ length: 10_001 }, () => known)),
      limit: await errorOf([known], 0),
      good: await errorOf([known]),
    };
  });
  expect(result.unknown).toMatch(/^HalflingError: `similar\(\)` names the item "no such film"/);
  expect(result.long).toMatch(/^history-too-long: /);
  expect(result.limit).toMatch(/^invalid-request: /);
  expect(result.good).toBe('no error');
});

test('a damaged shard is a checksum-mismatch and leaves nothing behind', async ({ page, site }) => {
  const { path, bytes } = await readShard(site);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  site.replace(path, binary(bytes));
  const error = await createError(page, { model: MODEL });
  expect(error.code).toBe('checksum-mismatch');
  expect(error.message).toContain(path);
  await expect.poll(() => page.workers().length).toBe(0);

  site.reset();
  await create(page, { model: MODEL });
});

test('a shortened shard is a truncated-file', async ({ page, site }) => {
  const { path, bytes } = await readShard(site);
  site.replace(path, binary(bytes.subarray(0, bytes.length - 1)));
  const error = await createError(page, { model: MODEL });
  expect(error.code).toBe('truncated-file');
  expect(error.message).toContain(path);
});

test('a shard that the engine refuses keeps the engine’s code', async ({ page, site }) => {
  const { path, bytes } = await readShard(site);
  bytes.writeUInt32LE(0x7fffffff, 0); // the header's length
  const manifest = await readManifest(site);
  for (const file of manifest.files) {
    if (!path.endsWith(file.path)) continue;
    file.sha256 = createHash('sha256').update(bytes).digest('hex');
  }
  site.replace(path, binary(bytes));
  site.replace(`${MODEL}manifest.json`, {
    body: JSON.stringify(manifest),
    type: 'application/json',
  });
  const error = await createError(page, { model: MODEL });
  expect(['truncated-file', 'malformed-header', 'too-large']).toContain(error.code);
  expect(error.message).toContain(path.split('/').pop());
});

test('HTML instead of wasm names address and MIME type', async ({ page, site }) => {
  const html = { body: '<!doctype html><title>app</title>', type: 'text/html' };
  site.replace('/dist/halfling-relaxed.wasm', html);
  const error = await createError(page, { model: MODEL });
  expect(error.code).toBe('wasm-not-found');
  expect(error.message).toContain(`${site.url}dist/halfling-relaxed.wasm`);
  expect(error.message).toContain('text/html');
});

test('HTML instead of a manifest, and no manifest at all', async ({ page, site }) => {
  site.replace('/app/manifest.json', { body: '<!doctype html>', type: 'text/html' });
  const html = await createError(page, { model: '/app' });
  expect(html.code).toBe('malformed-json');
  expect(html.message).toContain('text/html');
  const missing = await createError(page, { model: '/nowhere/' });
  expect(missing.code).toBe('network');
  expect(missing.message).toContain(`${site.url}nowhere/manifest.json answered HTTP 404`);
});

test('files of another build are refused', async ({ page, site }) => {
  const wasm = await readFile(site.fileOf('/dist/halfling.wasm') as string);
  const worker = await readFile(site.fileOf('/dist/worker.js') as string, 'utf8');
  const ids = [...new Set(worker.match(/"[0-9a-f]{16}"/g))].map((id) => id.slice(1, -1));
  const buildId = ids.find((id) => wasm.includes(id)) as string;
  expect(buildId).toBeTruthy();
  const other = '0123456789abcdef';

  wasm.write(other, wasm.indexOf(buildId));
  site.replace('/dist/halfling.wasm', binary(wasm));
  const byWasm = await createError(page, { model: MODEL, simd: 'baseline' });
  expect(byWasm.code).toBe('version-mismatch');
  expect(byWasm.message).toContain(other);

  const stale = { body: worker.replaceAll(buildId, other), type: 'text/javascript' };
  site.replace('/dist/worker.js', stale);
  const byWorker = await createError(page, { model: MODEL });
  expect(byWorker.code).toBe('version-mismatch');
});

test('a worker script that is not there', async ({ page }) => {
  const error = await createError(page, { model: MODEL, workerUrl: '/dist/nothing.js' });
  expect(error.code).toBe('worker-not-found');
  expect(error.message).toContain('/dist/nothing.js');
});

test('a worker script that is of another origin, or no address at all', async ({ page }) => {
  const elsewhere = await createError(page, {
    model: MODEL,
    workerUrl: 'https://elsewhere.example/worker.js',
  });
  expect(elsewhere.code).toBe('worker-not-found');
  expect(elsewhere.message).toContain('https://elsewhere.example/worker.js');
  const nonsense = await createError(page, { model: 'https://' });
  expect(nonsense.code).toBe('invalid-request');
  expect(nonsense.message).toContain('model "https://"');
});

test('a page that requires Trusted Types gives the worker’s address as one', async ({
  page,
  site,
}) => {
  site.policy += "; require-trusted-types-for 'script'; trusted-types shop";
  await openPage(page, site);
  const refused = await createError(page, { model: MODEL });
  expect(refused.code).toBe('worker-not-found');
  expect(refused.message).toContain('given as a TrustedScriptURL; pass workerUrl');

  const films = await page.evaluate(async (model) => {
    interface Policy {
      createScriptURL(url: string): object;
    }
    const { trustedTypes } = globalThis as unknown as {
      trustedTypes: { createPolicy(name: string, rules: object): Policy };
    };
    const policy = trustedTypes.createPolicy('shop', { createScriptURL: (url: string) => url });
    const workerUrl = policy.createScriptURL('/dist/worker.js');
    const shop = await halfling.createRecommender({ model, workerUrl });
    const element = document.createElement('halfling-recommendations');
    document.body.append(element);
    element.recommender = shop;
    return (await shop.recommend()).length;
  }, MODEL);
  expect(films).toBe(10);
  await expect(page.getByRole('listitem')).toHaveCount(10);
});

test('a worker script that answers nothing', async ({ page }) => {
  await page.clock.install();
  const rejected = createError(page, { model: MODEL, workerUrl: '/dist/index.js' });
  await page.clock.runFor(61_000);
  expect((await rejected).code).toBe('worker-not-found');
  expect((await rejected).message).toContain('/dist/index.js answers nothing');
});

test('goes on loading when onProgress throws, and reports what it threw', async ({ page }) => {
  const reported = page.waitForEvent('pageerror');
  const films = await page.evaluate(async (model) => {
    const loaded = await halfling.createRecommender({
      model,
      onProgress: () => {
        throw new Error('from onProgress');
      },
    });
    return loaded.items.length;
  }, MODEL);
  expect(films).toBeGreaterThan(1000);
  expect((await reported).message).toContain('from onProgress');
});

test('takes worker and wasm from other addresses', async ({ page, site }) => {
  const worker = await readFile(site.fileOf('/dist/worker.js') as string);
  const wasm = await readFile(site.fileOf('/dist/halfling.wasm') as string);
  site.replace('/elsewhere/w.js', { body: worker, type: 'text/javascript' });
  site.replace('/elsewhere/engine.bin', binary(wasm));
  await create(page, {
    model: MODEL,
    workerUrl: '/elsewhere/w.js',
    wasmUrl: { baseline: '/elsewhere/engine.bin' },
    simd: 'baseline',
  });
  expect(await page.evaluate(() => recommender.info.simd)).toBe('baseline');
});

test('a worker that dies rejects pending and later calls', CHROMIUM_ONLY, async ({ page }) => {
  await create(page, { model: MODEL });
  await page.evaluate(() => {
    const history = [recommender.items[0]?.id ?? ''];
    globalThis.recommendCode = () =>
      recommender.recommend({ history }).then(
        () => 'answered',
        (error: HalflingError) => error.code,
      );
  });
  expect(await page.evaluate(() => recommendCode())).toBe('answered');

  // Calls are made all the time, until one is rejected; the last was pending when that happened.
  const calling = page.evaluate(async () => {
    const codes: Promise<string>[] = [];
    let rejected = false;
    while (!rejected) {
      const code = recommendCode();
      code.then((text) => (rejected ||= text !== 'answered'));
      codes.push(code);
      await new Promise((done) => setTimeout(done, 5));
    }
    return await Promise.all(codes);
  });
  await endWorker(page);
  const codes = await calling;
  expect(codes.at(-1)).toBe('worker-died');
  expect(codes.filter((code) => code !== 'answered' && code !== 'worker-died')).toEqual([]);
  expect(await page.evaluate(() => recommendCode())).toBe('worker-died');
});

test('dispose ends the worker and rejects pending and later calls', async ({ page }) => {
  await create(page, { model: MODEL });
  expect(page.workers()).toHaveLength(1);
  const codes = await page.evaluate(async () => {
    const history = [recommender.items[0]?.id ?? ''];
    const code = () =>
      recommender.recommend({ history }).then(
        () => 'answered',
        (error: HalflingError) => error.code,
      );
    const pending = [code(), code(), code()];
    recommender.dispose();
    recommender.dispose();
    return [...(await Promise.all(pending)), await code()];
  });
  expect(codes).toEqual(['disposed', 'disposed', 'disposed', 'disposed']);
  await expect.poll(() => page.workers().length).toBe(0);
});

test('AbortSignal: a call, a call that waits, and loading', async ({ page }) => {
  await create(page, { model: MODEL });
  const codes = await page.evaluate(async (model) => {
    const history = [recommender.items[0]?.id ?? ''];
    const outcome = (call: Promise<unknown>) =>
      call.then(
        () => 'answered',
        (error: HalflingError) => error.code,
      );
    const first = new AbortController();
    const second = new AbortController();
    const calls = [
      outcome(recommender.recommend({ history, signal: first.signal })),
      outcome(recommender.recommend({ history, signal: second.signal })),
      outcome(recommender.recommend({ history })),
    ];
    first.abort();
    second.abort();
    const already = recommender.recommend({ history, signal: AbortSignal.abort('why') });
    const cause = await already.catch((error: HalflingError) => error.cause);
    const stop = new AbortController();
    const loading = outcome(halfling.createRecommender({ model, signal: stop.signal }));
    setTimeout(() => stop.abort(), 20);
    return { calls: await Promise.all(calls), cause, loading: await loading };
  }, MODEL);
  expect(codes.calls).toEqual(['aborted', 'aborted', 'answered']);
  expect(codes.cause).toBe('why');
  expect(codes.loading).toBe('aborted');
  await expect.poll(() => page.workers().length).toBe(1);
});
