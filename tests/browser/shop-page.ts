// What the specs of the film shop have in common.

import type { Locator, Page } from '@playwright/test';

import { expect } from './fixtures';

/** Opens the shop and waits until everything is loaded: both models, and the copy for offline. */
export async function openShop(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await untilLoaded(page);
}

export const sentBadge = (page: Page) => page.locator('.sent');

export async function untilLoaded(page: Page): Promise<void> {
  await expect(sentBadge(page)).toHaveText(/request/);
}

export const shelf = (page: Page, name: string | RegExp) =>
  page.getByRole('region', { name, exact: true });

/** The shelf's titles, when it has come. */
export async function titles(page: Page, name: string | RegExp): Promise<string[]> {
  const films = shelf(page, name).getByRole('listitem');
  await expect(films.first()).toBeAttached();
  return await films
    .locator('a')
    .evaluateAll((links) => links.map((link) => (link as HTMLElement).title));
}

export const nav = (page: Page) => page.getByRole('navigation', { name: 'Shop' });
export const searchBox = (page: Page) => page.getByRole('searchbox');
export const results = (page: Page) => page.locator('.grid');

export async function goHome(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Halfling, home' }).click();
  await expect(shelf(page, 'Popular')).toBeVisible();
}

/** Finds a film by the search and opens its page. */
export async function openFilm(page: Page, title: string): Promise<void> {
  await searchBox(page).fill(title);
  await results(page).getByRole('link', { name: title }).first().click();
  await expect(page.getByRole('heading', { level: 1, name: title, exact: true })).toBeVisible();
}

export const chooseTaste = (page: Page, name: string) =>
  page.getByRole('button', { name, exact: true }).click();

export const drawer = (page: Page) => page.getByRole('dialog', { name: 'Your privacy, live' });

export async function openDrawer(page: Page): Promise<Locator> {
  await nav(page)
    .getByRole('button', { name: /^Privacy/ })
    .click();
  await expect(drawer(page)).toBeVisible();
  return drawer(page);
}

/** A row of the drawer's list of what is stored. */
export const stored = (page: Page, name: string) =>
  drawer(page).locator('dt', { hasText: name }).locator('xpath=following-sibling::dd[1]');

export async function answerConsent(page: Page, answer: 'Yes, remember' | 'No, forget it') {
  await page.getByRole('button', { name: answer }).click();
  await expect(page.getByRole('region', { name: 'Your consent' })).toBeHidden();
}
