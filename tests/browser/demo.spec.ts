// The page as a visitor gets it: the production build, served by `vite preview`.

import AxeBuilder from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';

import { expect, recordRequests, test } from './fixtures';

const film = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const halvedList = (page: Page) =>
  page.getByRole('list', { name: 'Recommended by the halved model' });
const originalList = (page: Page) =>
  page.getByRole('list', { name: 'Recommended by the original model' });
const titles = async (page: Page, list = halvedList(page)) => {
  await expect(list.getByRole('listitem')).toHaveCount(10);
  return await list.locator('.ranked-title').allTextContents();
};
const requestFigure = (page: Page) =>
  page.locator('.figure', { hasText: 'requests since loading' }).locator('dd');

/** Opens the page and waits until both models are there. */
async function openDemo(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await expect(requestFigure(page)).toHaveText(/^\d+$/);
}

const isFocused = (locator: Locator) =>
  locator.evaluateAll((elements) => elements.includes(document.activeElement as HTMLElement));

/** Presses Tab (or Shift+Tab) until the focus is on `target`. */
async function tabTo(page: Page, target: Locator, key = 'Tab', limit = 60): Promise<void> {
  for (let presses = 0; presses < limit; presses++) {
    await page.keyboard.press(key);
    if (await isFocused(target)) return;
  }
  throw new Error(`${limit} presses of ${key} do not reach ${target}`);
}

async function skipToList(page: Page): Promise<void> {
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to your list' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('complementary', { name: 'Your list' })).toBeFocused();
}

async function findAndPick(page: Page, query: string, name: string): Promise<void> {
  await page.getByRole('searchbox').fill(query);
  await film(page, name).click();
  await expect(film(page, name)).toHaveAttribute('aria-pressed', 'true');
}

test('begins with popular films and an invitation', async ({ page, demoUrl, violations }) => {
  await openDemo(page, demoUrl);
  await expect(page.getByText('Nothing yet.')).toBeVisible();
  const popular = page.getByRole('list', { name: 'Popular films' });
  await expect(popular.getByRole('listitem')).toHaveCount(10);
  await expect(popular).toContainText('Star Wars');
  expect(violations).toEqual([]);
});

test('recommends, and the list changes with the history', async ({ page, demoUrl }) => {
  await openDemo(page, demoUrl);
  await findAndPick(page, 'star wars', 'Star Wars (1977)');
  const afterOne = await titles(page);
  expect(afterOne).not.toContain('Star Wars');

  await findAndPick(page, 'lion king', 'The Lion King (1994)');
  await findAndPick(page, 'aladdin', 'Aladdin (1992)');
  await expect.poll(() => titles(page)).not.toEqual(afterOne);
  await expect.poll(() => titles(page)).not.toContain('Aladdin');

  await page.getByRole('button', { name: 'Remove The Lion King' }).click();
  await page.getByRole('button', { name: 'Remove Aladdin' }).click();
  await expect.poll(() => titles(page)).toEqual(afterOne);
  await page.getByRole('button', { name: 'Clear' }).click();
  await expect(page.getByRole('list', { name: 'Popular films' })).toBeVisible();
});

test('sends nothing after loading: no request, and the same offline', async ({ page, demoUrl }) => {
  const requests = recordRequests(page);
  await openDemo(page, demoUrl);
  // The recorder does see what workers fetch, or it would prove nothing.
  expect(requests.some((url) => url.endsWith('.safetensors'))).toBe(true);
  expect(requests.some((url) => url.endsWith('.wasm'))).toBe(true);
  expect(requests.every((url) => url.startsWith(demoUrl))).toBe(true);
  const whenLoaded = requests.length;

  await page.context().setOffline(true);
  await page.getByRole('button', { name: 'Science fiction' }).click();
  const first = await titles(page);
  await findAndPick(page, 'fargo', 'Fargo (1996)');
  await expect.poll(() => titles(page)).not.toEqual(first);
  await page.getByRole('button', { name: 'Side by side' }).click();
  await titles(page, originalList(page));
  await page.getByRole('button', { name: 'Comedy', exact: true }).click();
  await page.getByRole('searchbox').fill('');
  await page.mouse.wheel(0, 4000);
  await expect.poll(() => page.locator('.card').count()).toBeGreaterThan(36);
  await page.waitForTimeout(500);

  expect(requests.slice(whenLoaded)).toEqual([]);
  await expect(requestFigure(page)).toHaveText('0');
});

test('the counter does count', async ({ page, demoUrl }) => {
  await openDemo(page, demoUrl);
  await expect(requestFigure(page)).toHaveText('0');
  await page.evaluate(() => fetch('icon.svg'));
  await expect(requestFigure(page)).toHaveText('1');
});

test('switches between the halved and the original model', async ({ page, demoUrl }) => {
  await openDemo(page, demoUrl);
  await page.getByRole('button', { name: 'Crime', exact: true }).first().click();
  const halved = await titles(page);
  const bytes = async () => await page.locator('.figure', { hasText: 'model' }).innerText();
  const halvedBytes = await bytes();

  await page.getByRole('button', { name: 'Original', exact: true }).click();
  const original = await titles(page, originalList(page));
  expect(await bytes()).not.toBe(halvedBytes);

  await page.getByRole('button', { name: 'Side by side' }).click();
  expect(await titles(page, halvedList(page))).toEqual(halved);
  expect(await titles(page, originalList(page))).toEqual(original);
  const common = halved.filter((title) => original.includes(title)).length;
  await expect(page.getByText(`${common} of 10 films are in both lists.`)).toBeVisible();

  await page.getByText('Details').click();
  const table = page.getByRole('table');
  await expect(table.getByRole('row', { name: /NDCG@10/ })).toContainText(/0\.\d{4}/);
  await expect(table.getByRole('row', { name: /Download/ })).toContainText('MB');
});

test('can be used by keyboard alone', async ({ page, demoUrl }) => {
  await openDemo(page, demoUrl);
  await tabTo(page, page.getByRole('searchbox'));
  await page.keyboard.type('alien 1979');
  const alien = film(page, 'Alien (1979)');
  await tabTo(page, alien);
  await page.keyboard.press('Enter');
  const afterOne = await titles(page);
  expect(afterOne).not.toContain('Alien');
  await expect(alien).toBeFocused();

  const second = halvedList(page).getByRole('button').nth(1);
  await tabTo(page, second);
  await page.keyboard.press('Enter');
  await expect.poll(() => titles(page)).not.toContain(afterOne[1]);
  await expect(second).toBeFocused();
});

test('keeps the place of the focus when what was pressed goes away', async ({ page, demoUrl }) => {
  await openDemo(page, demoUrl);
  await skipToList(page);
  const popular = page.getByRole('list', { name: 'Popular films' });
  const chips = page.getByRole('button', { name: /^Remove / });
  const liked = page.getByRole('heading', { name: 'You liked' });

  await tabTo(page, popular.getByRole('button').first());
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Next for you' })).toBeFocused();
  for (const picks of [2, 3]) {
    const before = await titles(page);
    const row = halvedList(page).getByRole('button').nth(picks);
    await tabTo(page, row);
    await page.keyboard.press('Enter');
    await expect.poll(() => titles(page)).not.toContain(before[picks]);
    await expect(row).toBeFocused();
  }

  await tabTo(page, chips.nth(1), 'Shift+Tab');
  for (const [left, focused] of [
    [2, chips.nth(1)],
    [1, chips.nth(0)],
    [0, liked],
  ] as const) {
    await page.keyboard.press('Enter');
    await expect(chips).toHaveCount(left);
    await expect(focused).toBeFocused();
  }

  await tabTo(page, popular.getByRole('button').first());
  await page.keyboard.press('Enter');
  await tabTo(page, page.getByRole('button', { name: 'Clear', exact: true }), 'Shift+Tab');
  await page.keyboard.press('Enter');
  await expect(liked).toBeFocused();
});

test('the films do not grow under the keyboard, which comes to the list after them', async ({
  page,
  demoUrl,
}) => {
  await openDemo(page, demoUrl);
  const cards = page.locator('.card button');
  await expect(cards).toHaveCount(36);
  const more = page.getByRole('button', { name: /^Show more/ });
  await tabTo(page, more, 'Tab', 100);
  await page.keyboard.press('Enter');
  await expect(cards.nth(36)).toBeFocused();
  await expect(cards).toHaveCount(72);

  await tabTo(page, more, 'Tab', 100);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Halved', exact: true })).toBeFocused();
  await expect(cards).toHaveCount(72);
});

test('a row reads as what it shows', async ({ page, demoUrl }) => {
  await openDemo(page, demoUrl);
  await page.getByRole('button', { name: 'Romance', exact: true }).first().click();
  await titles(page);
  const row = halvedList(page).getByRole('button').first();
  await expect(row).toHaveAccessibleName(/^1 I liked .+ \d{4} .*\d %$/);
  await page.getByRole('button', { name: 'Side by side' }).click();
  await expect(row).toHaveAccessibleName(/^1 I liked .+ \d{4} (same|only here|up \d+)$/);
});

test('says which model failed to load, and goes on with the other', async ({ page, demoUrl }) => {
  await page.route('**/movielens-original/manifest.json', (route) => route.abort());
  await openDemo(page, demoUrl);
  await page.getByText('Details').click();
  const sizes = page.getByRole('row', { name: /Download/ }).getByRole('cell');
  await expect(sizes).toHaveText([/[kM]B$/, 'failed']);
  await page.getByRole('button', { name: 'Science fiction' }).click();
  await titles(page);
  await page.getByRole('button', { name: 'Side by side' }).click();
  await expect(page.getByRole('alert')).toContainText('Could not load the original model');
});

test('on a phone, the bar shows the list as it changes', async ({ page, demoUrl }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(demoUrl);
  await film(page, 'Star Wars (1977)').click();
  await expect(halvedList(page)).toBeHidden();
  const bar = page.getByRole('navigation', { name: 'Views' });
  await expect(bar).toContainText('1 picked');
  await bar.getByRole('button', { name: /For you/ }).click();
  await titles(page);
  await expect(halvedList(page)).toBeVisible();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBe(390);
});

test('on a phone, the skip link opens the list', async ({ page, demoUrl }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await openDemo(page, demoUrl);
  await skipToList(page);
  await expect(page.getByRole('list', { name: 'Popular films' })).toBeVisible();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`has no accessibility defect that axe finds, ${colorScheme}`, async ({ page, demoUrl }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await openDemo(page, demoUrl);
    await page.getByRole('button', { name: 'Romance', exact: true }).first().click();
    await page.getByRole('button', { name: 'Side by side' }).click();
    await titles(page);
    await page.getByText('Details').click();
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join('\n')}`,
    );
    expect(found).toEqual([]);
  });
}
