// The film shop as a visitor gets it: the production build, over the built package.

import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Page } from '@playwright/test';

import { parseTitle } from '../../demo/src/films';
import { CHROMIUM_ONLY, endWorker, expect, ONCE, test } from './fixtures';
import { create, MODEL, openPage } from './package-page';
import {
  chooseTaste,
  goHome,
  nav,
  openDrawer,
  openFilm,
  openShop,
  results,
  searchBox,
  shelf,
  stored,
  titles,
  untilLoaded,
} from './shop-page';

test('a cold visitor sees what is popular, and how to begin', async ({
  page,
  demoUrl,
  violations,
}) => {
  await openShop(page, demoUrl);
  expect((await titles(page, 'Popular'))[0]).toBe('Star Wars');
  await expect(page.getByText('the shelves become yours')).toBeVisible();
  await expect(shelf(page, 'For you')).toBeHidden();
  await expect(shelf(page, /^Because/)).toBeHidden();
  expect(violations).toEqual([]);
});

test('the first load tells its progress in bytes', async ({ page, demoUrl }) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/movielens-half/*.safetensors', async (route) => {
    await released;
    await route.continue();
  });
  await page.goto(demoUrl);
  const progress = page.getByRole('progressbar');
  await expect(page.locator('.progress-bytes')).toHaveText(/^\d+ kB of \d{3} kB$/);
  const value = Number(await progress.getAttribute('value'));
  expect(value).toBeGreaterThan(100_000); // the catalogue is here, the weights are not
  expect(value).toBeLessThan(Number(await progress.getAttribute('max')) / 2);
  release();
  await titles(page, 'Popular');
  await expect(progress).toBeHidden();
});

test('what the visitor views changes the shelves', async ({ page, demoUrl }) => {
  await openShop(page, demoUrl);
  await openFilm(page, 'Star Wars');
  await goHome(page);
  await expect(shelf(page, 'For you')).toContainText('from the 1 film you looked at');
  const afterOne = await titles(page, 'For you');
  expect(afterOne).not.toContain('Star Wars');

  await openFilm(page, 'The Lion King');
  await openFilm(page, 'Aladdin');
  await goHome(page);
  await expect(shelf(page, 'For you')).toContainText('from the 3 films you looked at');
  await expect.poll(() => titles(page, 'For you')).not.toEqual(afterOne);
  expect(await titles(page, 'For you')).not.toContain('Aladdin');
});

/** What the package by itself says for the same history. */
async function askPackage(page: Page, history: readonly string[], item?: string) {
  await create(page, { model: MODEL });
  return await page.evaluate(
    async ({ viewed, asked }) => {
      const all = recommender.items;
      const titleOf = (id: string) => all.find((one) => one.id === id)?.title ?? '';
      const idOf = (start: string) => all.find(({ title }) => title?.startsWith(start))?.id ?? '';
      const ids = viewed.map(idOf);
      const list = await recommender.recommend({ history: ids, limit: 18 });
      const about = asked ? idOf(asked) : (list[0]?.id ?? '');
      const reasons = await recommender.explain(about, { history: ids });
      return {
        list: list.map(({ id }) => titleOf(id)),
        reasons: reasons.map(({ id }) => titleOf(id)),
        factors: reasons.map(({ contribution }) => Math.exp(contribution).toFixed(2)),
      };
    },
    { viewed: history, asked: item },
  );
}

const SCIENCE_FICTION = ['Star Wars', 'Blade Runner', 'Alien (', 'Terminator, The (1984)'];
const read = (titles: readonly string[]) => titles.map((title) => parseTitle(title).title);

test('“because you viewed” names the film that the model itself names', async ({
  page,
  demoUrl,
  site,
  context,
}) => {
  await openShop(page, demoUrl);
  await chooseTaste(page, 'Science fiction');
  await expect(shelf(page, 'For you')).toContainText('from the 4 films you looked at');

  const other = await context.newPage();
  site.reset();
  await openPage(other, site);
  const { list, reasons } = await askPackage(other, SCIENCE_FICTION);
  expect(await titles(page, 'For you')).toEqual(read(list));
  const because = shelf(page, `Because you viewed ${read(reasons)[0]}`);
  await expect(because).toBeVisible();
  // It adds to what is shown above it, and holds nothing that was viewed.
  const added = await titles(page, /^Because you viewed/);
  for (const title of [...read(list), ...read(reasons)]) expect(added).not.toContain(title);
});

test('a film’s page says how each viewed film speaks for it', async ({
  page,
  demoUrl,
  site,
  context,
}) => {
  await openShop(page, demoUrl);
  await chooseTaste(page, 'Science fiction');
  await openFilm(page, 'Jurassic Park');
  const other = await context.newPage();
  site.reset();
  await openPage(other, site);
  const { reasons, factors } = await askPackage(other, SCIENCE_FICTION, 'Jurassic Park');
  const rows = shelf(page, 'How it fits what you viewed').getByRole('listitem');
  await expect(rows.locator('.reason-title')).toHaveText(read(reasons));
  for (const [i, factor] of factors.entries()) {
    await expect(rows.nth(i).locator('.reason-factor')).toContainText(`×${factor}`);
  }
  expect((await titles(page, 'Similar to Jurassic Park')).length).toBeGreaterThan(10);
});

test('a dismissed film goes out of the shelves, a liked one says so', async ({ page, demoUrl }) => {
  await openShop(page, demoUrl);
  await chooseTaste(page, 'Family night');
  const [first = ''] = await titles(page, 'For you');
  await shelf(page, 'For you').getByRole('link', { name: first }).click();
  await page.getByRole('button', { name: 'Not for me' }).click();
  await expect(page.getByRole('button', { name: 'Not for me' })).toHaveAttribute(
    'aria-pressed',
    'true',
  );
  await goHome(page);
  await expect(shelf(page, 'For you')).toContainText('from the 4 films you looked at');
  for (const name of ['For you', /^Because/, 'Popular']) {
    await expect.poll(() => titles(page, name)).not.toContain(first);
  }
  await openFilm(page, first); // another look takes nothing back
  await expect(page.getByRole('button', { name: 'Not for me', pressed: true })).toBeVisible();
  await goHome(page);
  await expect(shelf(page, 'For you')).toContainText('from the 4 films you looked at');

  await openFilm(page, 'Babe');
  await page.getByRole('button', { name: 'Like', exact: true }).click();
  await page.getByRole('button', { name: 'Liked', pressed: true }).click(); // says nothing new
  await openDrawer(page);
  await expect(stored(page, 'Your history')).toContainText('8 events');
});

test('search finds by title, year and genre, and says when there is nothing', ONCE, async ({
  page,
  demoUrl,
}) => {
  await openShop(page, demoUrl);
  await searchBox(page).fill('alien 1979');
  await expect(results(page).getByRole('listitem')).toHaveCount(1);
  await expect(page.getByRole('status')).toHaveText('1 film');
  await expect(searchBox(page)).toBeFocused();

  await searchBox(page).fill('');
  await page.getByRole('navigation', { name: 'Genres' }).getByText('Film-Noir').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Film-Noir');
  const noir = await results(page).getByRole('listitem').count();
  expect(noir).toBeGreaterThan(10);
  expect(noir).toBeLessThan(36);

  await searchBox(page).fill('the matrix');
  await expect(page.getByText('No film matches. The catalogue ends in 1998.')).toBeVisible();
  await expect(shelf(page, 'Popular')).toBeVisible(); // something to go on with
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('All films');
});

test('the cart fills, sums, recommends, empties and sells', ONCE, async ({ page, demoUrl }) => {
  await openShop(page, demoUrl);
  await nav(page).getByRole('link', { name: 'Cart' }).click();
  await expect(page.getByText('It is empty.')).toBeVisible();

  for (const title of ['Vertigo', 'Psycho', 'Contact']) {
    await openFilm(page, title);
    await page.getByRole('button', { name: 'Add to cart' }).click();
  }
  await nav(page).getByRole('link', { name: 'Cart 3 in it' }).click();
  await expect(page.locator('.cart-item')).toHaveCount(3);
  const goesWith = await titles(page, 'Goes with your cart');
  expect(goesWith).not.toContain('Vertigo');

  await page.getByRole('button', { name: 'Remove Contact' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  await expect(page.locator('.cart-item')).toHaveCount(2);
  await expect(page.locator('.cart-total')).toHaveText('Total € 15.80');
  await expect.poll(() => titles(page, 'Goes with your cart')).not.toEqual(goesWith);

  const status = await page.getByRole('status').elementHandle(); // there before what is announced
  await page.getByRole('button', { name: 'Buy 2 films' }).click();
  await expect.poll(() => status?.textContent()).toContain('Thank you! 2 films bought');
  await expect(nav(page).getByRole('link', { name: 'Cart', exact: true })).toBeVisible();
});

const list = (page: Page, model: 'halved' | 'original') =>
  page.getByRole('list', { name: `Recommended by the ${model} model` });

test('shows the original against the halved model', async ({ page, demoUrl }) => {
  await openShop(page, demoUrl);
  await nav(page).getByRole('link', { name: 'How it works' }).click();
  await expect(page.getByText('Choose an example, or look at a film first.')).toBeVisible();
  await chooseTaste(page, 'Romance');
  await expect(list(page, 'halved').getByRole('listitem')).toHaveCount(10);
  await expect(list(page, 'original').getByRole('listitem')).toHaveCount(10);
  const [halved, original] = await Promise.all(
    (['halved', 'original'] as const).map((model) =>
      list(page, model).locator('.ranked-title').allTextContents(),
    ),
  );
  const common = halved?.filter((title) => original?.includes(title)).length;
  await expect(page.getByText(`${common} of 10 films are in both lists.`)).toBeVisible();
  const row = list(page, 'halved').getByRole('link').first();
  await expect(row).toHaveAccessibleName(/^1 .+ \d{4} (same|only here|up \d+)$/);

  const table = page.getByRole('table');
  const cells = (name: RegExp) => table.getByRole('row', { name }).getByRole('cell');
  await expect(cells(/^Download/)).toHaveText([/^\d\.\d\d MB$/, /^\d{3} kB$/]);
  await expect(cells(/^NDCG@10/)).toHaveText([/^0\.\d{4} \(/, /^0\.\d{4} \(/]);
  await expect(cells(/^One ranking/)).toHaveText([/^\d+(\.\d)? ms$/, /^\d+(\.\d)? ms$/]);
  await expect(page.getByText(/Halving changed NDCG@10 by [+−]\d/)).toBeVisible();

  // No answer stands under another question, not even until its own comes.
  const shown = await page.evaluate(
    () =>
      new Promise<string[]>((resolve) => {
        const titles = () => [...document.querySelectorAll('.ranked-title')];
        const observer = new MutationObserver(() => {
          const question = document.querySelector('main [role=status]')?.textContent;
          if (question?.includes('Vertigo')) resolve(titles().map((one) => one.textContent ?? ''));
        });
        observer.observe(document.body, { childList: true, characterData: true, subtree: true });
        const buttons = [...document.querySelectorAll('button')];
        buttons.find(({ textContent }) => textContent === 'Hitchcock')?.click();
      }),
  );
  expect(shown).toEqual([]);
  await expect(list(page, 'original').getByRole('listitem')).toHaveCount(10);
  expect(await list(page, 'original').locator('.ranked-title').allTextContents()).not.toEqual(
    original,
  );
});

test('says that the original failed to load, and goes on with the halved one', async ({
  page,
  demoUrl,
}) => {
  await page.route('**/movielens-original/manifest.json', (route) => route.abort());
  await openShop(page, `${demoUrl}#/how`);
  await chooseTaste(page, 'Science fiction');
  await expect(list(page, 'halved').getByRole('listitem')).toHaveCount(10);
  await expect(page.getByRole('alert')).toContainText('Could not load the original model');
  const sizes = page.getByRole('row', { name: /Download/ }).getByRole('cell');
  await expect(sizes).toHaveText(['failed', /kB$/]);
});

test('a failed start can be tried again', async ({ page, demoUrl }) => {
  await page.route('**/movielens-half/manifest.json', (route) => route.abort());
  await page.goto(demoUrl);
  await expect(page.getByRole('alert')).toContainText('Could not load the recommender');
  await page.unroute('**/movielens-half/manifest.json');
  await page.getByRole('button', { name: 'Try again' }).click();
  await titles(page, 'Popular');
});

test('when the engine’s worker dies, one press starts another', CHROMIUM_ONLY, async ({
  page,
  demoUrl,
}) => {
  await openShop(page, demoUrl);
  await openFilm(page, 'Vertigo');
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await goHome(page);
  expect(page.workers()).toHaveLength(2);
  await endWorker(page);
  await expect(page.getByRole('alert')).toContainText('(worker-died)');
  await page.getByRole('button', { name: 'Try again' }).click();
  await untilLoaded(page);
  await expect(nav(page).getByRole('link', { name: 'Cart 1 in it' })).toBeVisible();
  await expect(shelf(page, 'For you')).toContainText('from the 1 film you looked at');
  expect(await titles(page, 'For you')).toHaveLength(18);
});

test('an address of no film says so', ONCE, async ({ page, demoUrl }) => {
  for (const id of ['no-such-film', '%']) {
    await openShop(page, `${demoUrl}#/film/${id}`);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('We do not have this film');
    await titles(page, 'Popular');
  }
});

test('a page that one goes back to is where it was left', async ({ page, demoUrl }) => {
  await openShop(page, `${demoUrl}#/search`);
  await page.mouse.wheel(0, 600);
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(600);
  await page.waitForFunction(() => (history.state as { top?: number } | null)?.top === 600);
  const film = results(page).getByRole('link').nth(20);
  await film.evaluate((link: HTMLElement) => link.click()); // without scrolling to it
  await expect(page.getByRole('button', { name: 'Add to cart' })).toBeVisible();
  expect(await page.evaluate(() => scrollY)).toBe(0);
  await page.goBack();
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(600);
});

test('a build with a language model offers it, and what was viewed comes along', async ({
  page,
  serve,
  shopCopy,
}) => {
  for (const key of ['half', 'original']) {
    const model = (name: string) => path.join(shopCopy, 'models', `${name}-${key}`);
    cpSync(model('movielens'), model('movielens-smollm2'), { recursive: true });
  }
  const html = path.join(shopCopy, 'index.html');
  const mark = '<meta name="has-language-model"><title>';
  writeFileSync(html, readFileSync(html, 'utf8').replace('<title>', mark));
  const { url } = await serve({ outDir: shopCopy });
  await openShop(page, url);
  await openFilm(page, 'Star Wars');
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await nav(page).getByRole('link', { name: 'How it works' }).click();
  const choice = page.getByRole('group', { name: 'Which models' });
  await expect(choice.getByRole('button', { pressed: true })).toHaveText('Made for the page');
  const asked = page.waitForRequest(/movielens-smollm2-half\/.*\.safetensors/);
  await choice.getByRole('button', { name: /Language model/ }).click();
  await asked;
  await untilLoaded(page);
  await expect(choice.getByRole('button', { pressed: true })).toHaveText(/Language model/);
  await expect(page.getByText('After Star Wars:')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  await expect(nav(page).getByRole('link', { name: 'Cart 1 in it' })).toBeVisible();
  await expect(list(page, 'halved').getByRole('listitem')).toHaveCount(10);

  await chooseTaste(page, 'Crime');
  const own = page.getByRole('button', { name: 'What I viewed' });
  await own.press('Enter');
  await expect(page.getByText('After Star Wars:')).toBeVisible();
  await expect(own).toBeFocused();
  const open = await openDrawer(page);
  await expect(open.getByText('Halved language model')).toBeVisible();
});
