// The film shop as an installed app: offline, updated, isolated.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Page } from '@playwright/test';

import { CHROMIUM_ONLY, expect, test } from './fixtures';
import {
  answerConsent,
  chooseTaste,
  nav,
  openDrawer,
  openFilm,
  openShop,
  shelf,
  stored,
  titles,
  untilLoaded,
} from './shop-page';

test('after the first load the shop needs no server at all', async ({ page, serve }) => {
  const server = await serve();
  await openShop(page, server.url);
  await chooseTaste(page, 'Hitchcock');
  await answerConsent(page, 'Yes, remember');
  const before = await titles(page, 'For you');
  await server.close();
  await expect(page.evaluate(() => fetch('robots.txt'))).rejects.toThrow(); // it is gone

  await page.reload();
  await untilLoaded(page);
  expect(await titles(page, 'For you')).toEqual(before);
  await openFilm(page, 'Star Wars');
  await nav(page).getByRole('link', { name: 'How it works' }).click();
  await expect(page.getByText(/of 10 films are in both lists/)).toBeVisible();
  await page.goto(server.url);
  await page.reload();
  await expect(shelf(page, 'For you')).toContainText('from the 5 films you looked at');
  expect(await titles(page, 'For you')).not.toEqual(before);
  const font = await page.evaluate(async () => {
    const [face] = await document.fonts.load('16px Archivo');
    return face?.status;
  });
  expect(font).toBe('loaded');
});

test('can be installed', CHROMIUM_ONLY, async ({ page, demoUrl }) => {
  await openShop(page, demoUrl);
  const session = await page.context().newCDPSession(page);
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
  const errors = installabilityErrors.map(({ errorId }) => errorId);
  expect(errors.filter((id) => id !== 'in-incognito')).toEqual([]);
  const { data, errors: manifestErrors } = await session.send('Page.getAppManifest');
  expect(manifestErrors).toEqual([]);
  const manifest = JSON.parse(data ?? '') as { display: string; icons: { src: string }[] };
  expect(manifest.display).toBe('standalone');
  for (const { src } of manifest.icons) {
    expect((await page.request.get(new URL(src, demoUrl).href)).headers()['content-type']).toMatch(
      /^image\//,
    );
  }
});

const loadIt = (page: Page) => page.getByRole('button', { name: 'Load it' });
const newer = (page: Page) => page.locator('title[data-newer]');

test('a newer shop waits until the visitor lets it in', async ({
  page,
  context,
  serve,
  shopCopy,
}) => {
  const server = await serve({ outDir: shopCopy });
  await openShop(page, server.url);
  const change = (file: string, edit: (text: string) => string) =>
    writeFileSync(path.join(shopCopy, file), edit(readFileSync(path.join(shopCopy, file), 'utf8')));
  change('index.html', (text) => text.replace('<title>', '<title data-newer>'));
  change('sw.js', (text) => text.replace(/("?url"?:"index\.html","?revision"?:")\w+/, '$1newer'));
  change('sw.js', (text) =>
    text.replace(/("?revision"?:")\w+(","?url"?:"index\.html")/, '$1newer$2'),
  );
  expect(readFileSync(path.join(shopCopy, 'sw.js'), 'utf8')).toContain('"newer"');

  await page.reload();
  await untilLoaded(page);
  const other = await context.newPage();
  await openShop(other, server.url);
  await openFilm(other, 'Vertigo');
  await other.getByRole('button', { name: 'Add to cart' }).click();
  await answerConsent(other, 'No, forget it');
  await expect(loadIt(other)).toBeVisible();
  await page.bringToFront();
  await expect(newer(page)).toHaveCount(0);
  await loadIt(page).click();
  await expect(newer(page)).toHaveCount(1);
  await titles(page, 'Popular');

  // Each tab decides for itself: only the other's visitor knows what it holds.
  await other.bringToFront();
  await other.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
  await expect(other.getByText('forgets what you looked at, and your cart')).toBeVisible();
  await expect(nav(other).getByRole('link', { name: 'Cart 1 in it' })).toBeVisible();
  await expect(newer(other)).toHaveCount(0);
  await loadIt(other).click();
  await expect(newer(other)).toHaveCount(1);
});

for (const isolated of [false, true]) {
  const where = isolated ? CHROMIUM_ONLY : {}; // two models start their threads at once
  test(`recommends ${isolated ? 'with' : 'without'} cross-origin isolation`, where, async ({
    page,
    serve,
    violations,
  }) => {
    const { url } = await serve({ isolated });
    await openShop(page, url);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated);
    await chooseTaste(page, 'Science fiction');
    expect(await titles(page, 'For you')).toHaveLength(18);
    await openDrawer(page);
    await expect(stored(page, 'The shop itself')).toContainText('opens offline');
    await page.reload(); // from the service worker now
    await untilLoaded(page);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated);
    await page.getByRole('link', { name: 'How it works' }).first().click();
    const several = isolated && (await page.evaluate(() => navigator.hardwareConcurrency > 1));
    await expect(page.getByText('ranks the whole catalogue in a worker')).toContainText(
      several ? / SIMD and \d threads, ranks/ : / SIMD, ranks/,
    );
    expect(violations).toEqual([]);
  });
}
