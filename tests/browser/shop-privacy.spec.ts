// The promises of the film shop: nothing is sent, nothing is stored without consent, all is the visitor's.

import { readFile } from 'node:fs/promises';

import type { Page } from '@playwright/test';
import type { HistoryExport } from 'halfling';

import { CHROMIUM_ONLY, endWorker, expect, filesHolding, recordRequests, test } from './fixtures';
import {
  answerConsent,
  chooseTaste,
  drawer,
  goHome,
  nav,
  openDrawer,
  openFilm,
  openShop,
  results,
  searchBox,
  sentBadge,
  shelf,
  stored,
  titles,
  untilLoaded,
} from './shop-page';

const figure = (page: Page) => drawer(page).locator('.figure');

test('no request of any kind after loading, whatever is used', CHROMIUM_ONLY, async ({
  page,
  demoUrl,
}) => {
  const requests = recordRequests(page);
  await openShop(page, demoUrl);
  // The recorder does see what workers and the service worker fetch, or it would prove nothing.
  for (const end of ['.safetensors', '.wasm', 'sw.js']) {
    expect(requests.some((url) => url.endsWith(end))).toBe(true);
  }
  expect(requests.every((url) => url.startsWith(demoUrl) || url.startsWith('data:'))).toBe(true);
  const whenLoaded = requests.length;

  await chooseTaste(page, 'Crime');
  await titles(page, 'For you');
  await titles(page, /^Because you viewed/);
  await answerConsent(page, 'Yes, remember');
  await openFilm(page, 'Fargo');
  await page.getByRole('button', { name: 'Like', exact: true }).click();
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await openFilm(page, 'Alien');
  await page.getByRole('button', { name: 'Not for me' }).click();
  await nav(page).getByRole('link', { name: 'Browse' }).click();
  await page.getByRole('button', { name: /^Show more/ }).click();
  await nav(page).getByRole('link', { name: /^Cart/ }).click();
  await titles(page, 'Goes with your cart');
  await page.getByRole('button', { name: 'Buy 1 film' }).click();
  await nav(page).getByRole('link', { name: 'How it works' }).click();
  await chooseTaste(page, 'Romance');
  await expect(page.getByText(/of 10 films are in both lists/)).toBeVisible();
  await openDrawer(page);
  const downloaded = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export all' }).click();
  await downloaded;
  await page.getByRole('button', { name: 'Withdraw consent' }).click();
  await page.getByRole('button', { name: 'Erase all' }).click();
  await expect(stored(page, 'Your history')).toContainText('0 events');
  await page.waitForTimeout(500);

  const made = requests.slice(whenLoaded).filter((url) => !/^(data|blob):/.test(url));
  expect(made).toEqual([]);
  await expect(figure(page)).toHaveText('0');
});

test('the counter does count, and names what was requested', async ({
  page,
  demoUrl,
  browserName,
}) => {
  await openShop(page, demoUrl);
  await expect(sentBadge(page)).toHaveText('0 requests');
  await page.evaluate(() => fetch('robots.txt'));
  await expect(sentBadge(page)).toHaveText('1 request');
  await openDrawer(page);
  await expect(figure(page)).toHaveText('1');
  await expect(drawer(page).getByText(`${demoUrl}robots.txt`)).toBeVisible();
  if (browserName !== 'chromium') return; // the others' workers are out of reach
  await page.workers()[1]?.evaluate(() => fetch('robots.txt'));
  await expect(figure(page)).toHaveText('2');
  await expect(drawer(page).getByText('by the workers: 1')).toBeVisible();
  await expect(sentBadge(page)).toHaveText('2 requests');
});

test('where nothing can be stored, the shop counts, and says so', CHROMIUM_ONLY, async ({
  page,
  demoUrl,
  context,
}) => {
  const errors: Error[] = [];
  page.on('pageerror', (error) => errors.push(error));
  await context.route('**/icons/icon.svg', (route) => route.abort()); // one of the shop's files
  await page.addInitScript(() =>
    Object.defineProperty(globalThis, 'localStorage', {
      get() {
        throw new DOMException('denied', 'SecurityError');
      },
    }),
  );
  await openShop(page, demoUrl);
  await expect(sentBadge(page)).toHaveText('0 requests');
  await openDrawer(page);
  await expect(figure(page)).toHaveText('0');
  await expect(stored(page, 'About you')).toHaveText('cannot be read here');
  await expect(stored(page, 'The shop itself')).toHaveText('0 files, 0 kB; does not open offline');
  expect(errors).toEqual([]);
});

test('with consent all is there at the next visit; withdrawn, it is gone', async ({
  page,
  demoUrl,
}) => {
  await openShop(page, demoUrl);
  await openFilm(page, 'Vertigo');
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await answerConsent(page, 'Yes, remember');
  await openDrawer(page);
  await expect(stored(page, 'About you')).toHaveText('database “halfling”, local storage “halfling-cart”');
  await expect(stored(page, 'Your history')).toHaveText('2 events, on this device');

  await page.goto(demoUrl);
  await page.reload();
  await untilLoaded(page);
  await expect(shelf(page, 'For you')).toContainText('from the 1 film you looked at');
  await expect(nav(page).getByRole('link', { name: 'Cart 1 in it' })).toBeVisible();

  await openDrawer(page);
  await page.getByRole('button', { name: 'Withdraw consent' }).click();
  await expect(drawer(page).getByRole('status')).toContainText('what was stored is deleted');
  await expect(stored(page, 'About you')).toHaveText('nothing');
  await page.reload();
  await untilLoaded(page);
  await expect(shelf(page, 'For you')).toBeHidden();
  await expect(nav(page).getByRole('link', { name: 'Cart', exact: true })).toBeVisible();
});

test('exports all that it knows, and erases it', CHROMIUM_ONLY, async ({ page, demoUrl }) => {
  await openShop(page, demoUrl);
  await openFilm(page, 'Vertigo');
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await openDrawer(page);
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export all' }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe('halfling-history.json');
  const exported = JSON.parse(await readFile(await download.path(), 'utf8')) as HistoryExport & {
    cart: string[];
  };
  const [view, added] = exported.events;
  expect(exported.events.map(({ type }) => type)).toEqual(['view', 'add-to-cart']);
  expect(exported.cart).toEqual([view?.item]);
  expect(added?.item).toBe(view?.item);

  await page.keyboard.press('Escape');
  await goHome(page);
  await titles(page, 'For you');
  await openDrawer(page);
  await page.getByRole('button', { name: 'Erase all' }).click();
  await expect(stored(page, 'Your history')).toHaveText('0 events, in this page’s memory only');
  await expect(stored(page, 'Your cart')).toHaveText('0 films, in this page’s memory only');
  await page.keyboard.press('Escape');

  // What was erased is not shown again either, for the moment until the next answer.
  const announced = await page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const observer = new MutationObserver(() => {
          const text = document.querySelector('main [role=status]')?.textContent;
          if (text) resolve(text);
        });
        observer.observe(document.body, { childList: true, characterData: true, subtree: true });
        const buttons = [...document.querySelectorAll('button')];
        buttons.find(({ textContent }) => textContent === 'Family night')?.click();
      }),
  );
  const [first] = await titles(page, 'For you');
  expect(announced).toBe(`The shelves follow you. First: ${first}.`);
});

test('a restart brings back what memory holds, and nothing that was erased', CHROMIUM_ONLY, async ({
  page,
  demoUrl,
  context,
}) => {
  const tryAgain = page.getByRole('button', { name: 'Try again' });
  await openShop(page, demoUrl);
  await openFilm(page, 'Vertigo');
  await goHome(page);
  await answerConsent(page, 'Yes, remember');
  const other = await context.newPage();
  await openShop(other, demoUrl);
  await openDrawer(other);

  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await context.route('**/movielens-half/manifest.json', async (route) => {
    await released;
    await route.continue();
  });
  await endWorker(page);
  await tryAgain.click();
  await expect(page.getByRole('progressbar')).toBeVisible();
  await other.getByRole('button', { name: 'Erase all' }).click();
  await expect(stored(other, 'Your history')).toHaveText('0 events, on this device');
  await other.close();
  release();
  await untilLoaded(page);
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  await openDrawer(page);
  await expect(stored(page, 'Your history')).toHaveText('0 events, on this device');
  await page.keyboard.press('Escape');

  await openFilm(page, 'Psycho');
  await goHome(page);
  await page.reload(); // now the history comes from the disk
  await untilLoaded(page);
  await openDrawer(page);
  await page.getByRole('button', { name: 'Withdraw consent' }).click();
  await expect(drawer(page).getByRole('status')).toContainText('this page goes on in memory');
  await page.keyboard.press('Escape');
  await endWorker(page);
  await tryAgain.click();
  await untilLoaded(page);
  await openDrawer(page);
  await expect(stored(page, 'Your history')).toHaveText('1 event, in this page’s memory only');
  await expect(page.locator('.bars')).toBeEmpty(); // who has withdrawn consent is not asked for it
});

test('two tabs are in step', async ({ page, demoUrl, context }) => {
  const other = await context.newPage();
  await openShop(page, demoUrl);
  await openShop(other, demoUrl);
  await openFilm(page, 'Psycho');
  await answerConsent(page, 'Yes, remember');
  await expect(shelf(other, 'For you')).toContainText('from the 1 film you looked at');

  await other.bringToFront(); // pages at the back are slow
  await openFilm(other, 'Vertigo');
  await other.getByRole('button', { name: 'Add to cart' }).click();
  await goHome(other);
  await page.bringToFront();
  await goHome(page);
  await expect(shelf(page, 'For you')).toContainText('from the 2 films you looked at');
  const mine = await titles(page, 'For you');
  await expect.poll(() => titles(other, 'For you')).toEqual(mine);
  await expect(nav(page).getByRole('link', { name: 'Cart 1 in it' })).toBeVisible();

  await openDrawer(page);
  await page.getByRole('button', { name: 'Erase all' }).click();
  await expect(shelf(other, 'For you')).toBeHidden();
  await expect(nav(other).getByRole('link', { name: 'Cart', exact: true })).toBeVisible();
});

test('each model is stored once, and told of with its bytes', async ({ page, demoUrl }) => {
  await openShop(page, demoUrl);
  const stores = await page.evaluate(async () => {
    const urlsOf = async (name: string) =>
      (await (await caches.open(name)).keys()).map(({ url }) => url);
    return await Promise.all((await caches.keys()).map(urlsOf));
  });
  const files = stores.flat().filter((url) => !url.endsWith('.json'));
  expect(stores).toHaveLength(3); // the shop's files, and one for each model
  const shop = stores.find((urls) => urls.some((url) => url.includes('.html'))) ?? [];
  expect(shop.filter((url) => url.includes('/models/'))).toEqual([]);
  expect(new Set(files).size).toBe(files.length);
  await page.evaluate(async () => {
    const others = await caches.open('workbox-precache-v2-another-shop');
    for (let i = 0; i < 10; i++) await others.put(`another/${i}`, new Response('not ours'));
  });
  await openDrawer(page);
  await expect(stored(page, 'Halved model')).toHaveText(/^\d{3} kB$/);
  await expect(stored(page, 'Original model')).toHaveText(/^\d\.\d\d MB$/);
  await expect(stored(page, 'The shop itself')).toHaveText(
    /^1\d files, [\d.]+ [kM]B; opens offline$/,
  );
});

test.describe('on the disk', CHROMIUM_ONLY, () => {
  const OWN_STORES = /(IndexedDB|Local Storage|Session Storage)\//;

  for (const [answer, isStored] of [
    ['No, forget it', false],
    ['Yes, remember', true], // or the search would prove nothing
  ] as const) {
    test(`“${answer}” ${isStored ? 'stores' : 'leaves no trace'}`, async ({
      demoUrl,
      profile,
      inProfile,
    }) => {
      await inProfile(async (page) => {
        await openShop(page, demoUrl);
        await openFilm(page, 'Vertigo');
        await page.getByRole('button', { name: 'Add to cart' }).click();
        await answerConsent(page, answer);
        await openFilm(page, 'Psycho');
        await page.getByRole('button', { name: 'Add to cart' }).click();
        await searchBox(page).fill('rear window');
        await expect(results(page).getByRole('listitem')).toHaveCount(1);
        await goHome(page);
        await titles(page, 'For you');
        const kept = await page.evaluate(async () => ({
          databases: (await indexedDB.databases()).length,
          keys: localStorage.length + sessionStorage.length,
          cookies: document.cookie,
        }));
        expect(kept).toEqual({ databases: Number(isStored), keys: Number(isStored), cookies: '' });
      });
      expect(filesHolding(profile, 'add-to-cart', OWN_STORES).length > 0).toBe(isStored);
    });
  }
});
