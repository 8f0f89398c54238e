// The page as a visitor gets it: the production build, served by `vite preview`.

import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

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
  const afterThree = await titles(page);
  expect(afterThree).not.toContain('Aladdin');

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
  await page.keyboard.press('Tab'); // the details
  await page.keyboard.press('Tab');
  await expect(page.getByRole('searchbox')).toBeFocused();
  await page.keyboard.type('alien 1979');
  await film(page, 'Alien (1979)').focus();
  await page.keyboard.press('Enter');
  expect(await titles(page)).not.toContain('Alien');
  await page.keyboard.press('Space');
  await expect(page.getByRole('list', { name: 'Popular films' })).toBeVisible();
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
