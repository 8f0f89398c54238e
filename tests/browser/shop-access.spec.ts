// The film shop for everybody: by keyboard, on a phone, in light and dark, without what axe finds.

import AxeBuilder from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';

import { expect, ONCE, test } from './fixtures';
import {
  answerConsent,
  chooseTaste,
  drawer,
  nav,
  openDrawer,
  openFilm,
  openShop,
  results,
  searchBox,
  shelf,
  titles,
} from './shop-page';

const isFocused = (locator: Locator) =>
  locator.evaluateAll((elements) => elements.includes(document.activeElement as HTMLElement));

/** Presses Tab (or Shift+Tab, `back`) until the focus is on `target`. */
async function tabTo(page: Page, target: Locator, { limit = 60, back = false } = {}): Promise<void> {
  for (let presses = 0; presses < limit; presses++) {
    await page.keyboard.press(back ? 'Shift+Tab' : 'Tab');
    if (await isFocused(target)) return;
  }
  throw new Error(`${limit} presses of Tab do not reach ${target}`);
}

test('everything can be done by keyboard alone', async ({ page, demoUrl }) => {
  await openShop(page, demoUrl);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  const heading = page.getByRole('heading', { level: 1 });
  await expect(heading).toBeFocused();

  await tabTo(page, page.getByRole('button', { name: 'Hitchcock' }));
  await page.keyboard.press('Enter');
  await expect(heading).toBeFocused(); // the button is gone
  const [first] = await titles(page, 'For you');
  await expect(page.getByRole('status')).toHaveText(`The shelves follow you. First: ${first}.`);
  await tabTo(page, page.getByRole('button', { name: 'Yes, remember' }), { limit: 120 });
  await page.keyboard.press('Enter');
  await expect(page.getByRole('region', { name: 'Your consent' })).toBeHidden();
  await expect(heading).toBeFocused();

  await tabTo(page, searchBox(page), { back: true });
  await page.keyboard.type('alien 1979');
  await tabTo(page, results(page).getByRole('link', { name: 'Alien' }));
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Alien' })).toBeFocused();
  await tabTo(page, page.getByRole('button', { name: 'Add to cart' }));
  await page.keyboard.press('Enter');
  await expect(page.getByRole('link', { name: 'In the cart: see it' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Your cart' })).toBeFocused();
  await tabTo(page, page.getByRole('button', { name: 'Buy 1 film' }));
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Your cart' })).toBeFocused();
});

test('the drawer takes the focus, keeps it, and gives it back', async ({ page, demoUrl }) => {
  await openShop(page, demoUrl);
  const button = nav(page).getByRole('button', { name: /^Privacy/ });
  await tabTo(page, button);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Close' })).toBeFocused();
  const round: string[] = [];
  for (let presses = 0; presses < 12; presses++) {
    await page.keyboard.press('Tab');
    round.push(
      await page.evaluate(() => {
        const { activeElement, body } = document;
        if (activeElement === body) return 'the browser';
        return activeElement?.closest('dialog') ? 'the drawer' : 'the page';
      }),
    );
  }
  expect(round).not.toContain('the page');
  expect(round.join()).not.toContain('the browser,the browser'); // once a round
  expect(round.filter((place) => place === 'the drawer').length).toBeGreaterThan(8);
  await page.keyboard.press('Escape');
  await expect(drawer(page)).toBeHidden();
  await expect(button).toBeFocused();
});

test('more films come when asked for, and the keyboard stays among them', async ({
  page,
  demoUrl,
}) => {
  await openShop(page, `${demoUrl}#/search`);
  const films = results(page).getByRole('link');
  await expect(films).toHaveCount(36);
  await tabTo(page, page.getByRole('button', { name: /^Show more/ }), { limit: 100 });
  await page.keyboard.press('Enter');
  await expect(films).toHaveCount(72);
  await expect(films.nth(36)).toBeFocused();
});

test('the focused film of a shelf is in view', async ({ page, demoUrl, browserName }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await openShop(page, demoUrl);
  const films = shelf(page, 'Popular').getByRole('link');
  await tabTo(page, films.nth(14));
  // Firefox leaves a page where it is if a part of what gets the focus is in view.
  const ratio = browserName === 'chromium' ? 0.9 : 0;
  await expect(films.nth(14)).toBeInViewport({ ratio });
  const box = await films.nth(14).boundingBox();
  expect(box?.x).toBeGreaterThanOrEqual(0);
  expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(page.viewportSize()?.width ?? 0);

  if (browserName !== 'chromium') return; // Playwright cannot tell the others of less motion
  // An arrow jumps for who wants none.
  const row = shelf(page, 'Popular').locator('.shelf-row');
  const moved = await row.evaluate((element) => {
    const start = element.scrollLeft;
    document.querySelector<HTMLElement>('.shelf-arrows .back')?.click();
    return start - element.scrollLeft;
  });
  expect(moved).toBeGreaterThan(100);
});

/** Each page in turn, with something on it. */
async function visitPages(page: Page, use: (name: string) => Promise<void>): Promise<void> {
  await use('home, cold');
  await chooseTaste(page, 'Romance');
  await titles(page, /^Because you viewed/);
  await use('home, with the question for consent');
  await answerConsent(page, 'No, forget it');
  await openFilm(page, 'Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb');
  await expect(shelf(page, 'How it fits what you viewed')).toBeVisible();
  await page.getByRole('button', { name: 'Like', exact: true }).click();
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await use('film');
  await searchBox(page).fill('love');
  await use('search');
  await searchBox(page).fill('no such film');
  await use('search without results');
  await nav(page).getByRole('link', { name: /^Cart/ }).click();
  await titles(page, 'Goes with your cart');
  await use('cart');
  await page.goto(`${page.url().replace(/#.*/, '')}#/how`);
  await expect(page.getByText(/of 10 films are in both lists/)).toBeVisible();
  await use('how');
  await openDrawer(page);
  await use('drawer');
}

test('axe finds no defect, in light and dark', ONCE, async ({ page, demoUrl }) => {
  await openShop(page, demoUrl);
  await visitPages(page, async (name) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const { violations, passes } = await new AxeBuilder({ page }).analyze();
      const found = violations.map(
        ({ id, nodes }) =>
          `${name}, ${colorScheme}: ${id}: ${nodes.map(({ html }) => html).join('\n')}`,
      );
      expect(found).toEqual([]);
      expect(passes.length).toBeGreaterThan(10);
    }
  });
});

test('nothing overflows a phone', async ({ page, demoUrl }) => {
  await page.setViewportSize({ width: 390, height: 760 });
  await openShop(page, demoUrl);
  await visitPages(page, async (name) => {
    for (const width of [320, 390]) {
      await page.setViewportSize({ width, height: 760 });
      expect(await page.evaluate(() => innerWidth)).toBe(width);
      const { scrollWidth, clientWidth } = await page.evaluate(() => document.documentElement);
      expect(`${name}: ${scrollWidth}`).toBe(`${name}: ${clientWidth}`);
    }
  });
  await page.keyboard.press('Escape');
  await nav(page).getByRole('link', { name: 'Home' }).click();
  await expect(shelf(page, 'For you')).toBeVisible();
  const bar = await nav(page).boundingBox();
  expect(Math.round((bar?.y ?? 0) + (bar?.height ?? 0))).toBe(760); // at the thumb
});
