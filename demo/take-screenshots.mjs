// Takes the pictures of docs/images: the built page on a phone and on a desktop, light and dark.
// usage: node demo/take-screenshots.mjs      after `npm run demo` has built the page
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { preview } from 'vite';

import { launchChromium } from '../scripts/lib/chromium.mjs';
import { ROOT } from '../scripts/lib/command.mjs';

const FOLDER = join(ROOT, 'docs/images');
const DESKTOP = { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };

/** Opens the page, waits for both models and picks an example. */
async function openPage(browser, url, options) {
  const context = await browser.newContext({ ...options, reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(url);
  await page
    .locator('.figure dd')
    .first()
    .filter({ hasText: /^\d+$/ })
    .waitFor({ state: 'attached' });
  await page.getByRole('button', { name: 'Science fiction' }).click();
  await page.locator('.ranked .chance').nth(9).waitFor({ state: 'attached' });
  await page.mouse.move(0, 0);
  return page;
}

async function takeAll(browser, url) {
  const save = (page, name) => page.screenshot({ path: join(FOLDER, `${name}.png`) });
  for (const colorScheme of ['light', 'dark']) {
    const desktop = await openPage(browser, url, { ...DESKTOP, colorScheme });
    await save(desktop, `desktop-${colorScheme}`);
    if (colorScheme === 'light') {
      await desktop.getByRole('button', { name: 'Side by side' }).click();
      await desktop.waitForTimeout(300);
      await save(desktop, 'desktop-side-by-side');
      await desktop.getByText('Details').click();
      await save(desktop, 'desktop-details');
    }
    await desktop.context().close();

    const phone = await openPage(browser, url, { ...PHONE, colorScheme });
    await save(phone, `phone-films-${colorScheme}`);
    await phone.getByRole('navigation').getByRole('button').last().click();
    await phone.waitForTimeout(300);
    await save(phone, `phone-list-${colorScheme}`);
    await phone.context().close();
  }
}

await mkdir(FOLDER, { recursive: true });
const server = await preview({ root: join(ROOT, 'demo'), logLevel: 'error', preview: { port: 0 } });
const browser = await launchChromium();
try {
  await takeAll(browser, server.resolvedUrls.local[0]);
} finally {
  await browser.close();
  await server.close();
}
