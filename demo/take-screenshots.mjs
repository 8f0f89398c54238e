// Takes the pictures of docs/images: each page of the shop on a phone and on a desktop, light and dark.
// usage: node demo/take-screenshots.mjs      after `npm run demo` has built the page
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { preview } from 'vite';

import { launchChromium } from '../scripts/lib/browsers.mjs';
import { ROOT } from '../scripts/lib/command.mjs';

const FOLDER = join(ROOT, 'docs/images');
const DEVICES = {
  desktop: { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true },
};

/** Each page, and what is done before its picture is taken; they follow each other in one visit. */
const PAGES = {
  welcome: async () => {},
  home: async (page) => {
    await page.getByRole('button', { name: 'Science fiction' }).click();
    await page.getByRole('heading', { name: /^Because you viewed/ }).waitFor();
  },
  film: async (page) => {
    await page.getByRole('button', { name: 'No, forget it' }).click();
    await open(page, '#/search?q=jurassic');
    await page.locator('.grid a').first().click();
    await page.getByRole('heading', { name: 'How it fits what you viewed' }).waitFor();
  },
  cart: async (page) => {
    for (const query of ['contact', 'strangelove']) {
      await open(page, `#/search?q=${query}`);
      await page.locator('.grid a').first().click();
      await page.getByRole('button', { name: 'Add to cart' }).click();
    }
    await open(page, '#/cart');
    await page.getByRole('heading', { name: 'Goes with your cart' }).waitFor();
  },
  search: (page) => open(page, '#/search?genre=Comedy'),
  how: async (page) => {
    await open(page, '#/how');
    await page.getByText(/of 10 films are in both lists/).waitFor();
  },
  privacy: async (page) => {
    await page.getByRole('button', { name: /^Privacy/ }).click();
    await page.getByText(/opens offline/).waitFor();
    await page.locator('.drawer td', { hasText: 'ms' }).nth(1).waitFor();
  },
};

const open = (page, hash) => page.evaluate((to) => (location.hash = to), hash);

async function takeAll(browser, url, [device, options], colorScheme) {
  const context = await browser.newContext({ ...options, colorScheme, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await page.goto(url);
  await page.locator('.sent', { hasText: 'request' }).waitFor({ state: 'attached' });
  for (const [name, prepare] of Object.entries(PAGES)) {
    await prepare(page);
    await page.mouse.move(0, 0);
    await page.evaluate(() => document.activeElement?.blur());
    await page.waitForTimeout(300);
    const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 80 });
    const file = join(FOLDER, `${device}-${name}-${colorScheme}.webp`);
    await writeFile(file, Buffer.from(data, 'base64'));
  }
  await context.close();
}

await mkdir(FOLDER, { recursive: true });
const server = await preview({ root: join(ROOT, 'demo'), logLevel: 'error', preview: { port: 0 } });
const browser = await launchChromium();
try {
  for (const device of Object.entries(DEVICES)) {
    for (const colorScheme of ['light', 'dark']) {
      await takeAll(browser, server.resolvedUrls.local[0], device, colorScheme);
    }
  }
} finally {
  await browser.close();
  await server.close();
}
