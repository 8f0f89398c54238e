// The examples as their READMEs say: the built package and a model beside them.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Page } from '@playwright/test';
import { build } from 'vite';

import { expect, rootDir, test } from './fixtures';

const at = (...parts: string[]) => path.join(rootDir, ...parts);
const rows = (page: Page) => page.getByRole('region', { name: 'For you' }).getByRole('listitem');
const titles = async (page: Page) => {
  await expect(rows(page)).toHaveCount(6);
  return await rows(page).allInnerTexts();
};

test.beforeEach(({ site }) => site.reset());

test('plain HTML: from popular to personal, remembered with consent', async ({
  page,
  site,
  violations,
}) => {
  site.mount('/shop/halfling/', at('web/dist'));
  site.mount('/shop/model/', at('build/models/movielens-half'));
  site.mount('/shop/', at('examples/plain-html'));
  await page.goto(`${site.url}shop/index.html`);
  const popular = await titles(page);
  await page.getByRole('searchbox').fill('alien');
  await page.getByRole('button', { name: 'Alien (1979)' }).click();
  await expect.poll(() => titles(page)).not.toEqual(popular);
  const personal = await titles(page);

  await page.reload();
  expect(await titles(page)).toEqual(popular); // no consent, nothing remembered
  await page.getByRole('searchbox').fill('alien');
  const other = await page.context().newPage();
  await other.goto(`${site.url}shop/index.html`);
  await titles(other);
  await page.getByRole('checkbox').check();
  await expect(other.getByRole('checkbox')).toBeChecked();
  await other.close();
  await page.getByRole('button', { name: 'Alien (1979)' }).click();
  await expect.poll(() => titles(page)).toEqual(personal);
  await page.reload();
  await expect(page.getByRole('checkbox')).toBeChecked();
  expect(await titles(page)).toEqual(personal);
  await page.getByRole('button', { name: 'Forget them' }).click();
  await expect.poll(() => titles(page)).toEqual(popular);
  expect(violations).toEqual([]);
});

test('plain HTML: says that the films could not be loaded', async ({ page, site, violations }) => {
  site.mount('/shop/halfling/', at('web/dist'));
  site.mount('/shop/model/', at('no/such/model'));
  site.mount('/shop/', at('examples/plain-html'));
  await page.goto(`${site.url}shop/index.html`);
  await expect(page.getByRole('alert')).toContainText('could not be loaded');
  await expect(page.getByRole('region', { name: 'For you' })).toHaveCount(0);
  expect(violations.join()).toContain('/shop/model/manifest.json answered HTTP 404');
});

test('the five lines of the README', async ({ page, site }) => {
  const readme = readFileSync(at('web/README.md'), 'utf8');
  const code = /```ts\n(import \{ createRecommender[^`]*)```/.exec(readme)?.[1] ?? '';
  expect(code.trim().split('\n').filter(Boolean)).toHaveLength(5);
  site.mount('/models/shop/', at('build/models/movielens-half'));
  site.replace('/five.js', {
    body: code.replace("'halfling'", "'/dist/index.js'"),
    type: 'text/javascript',
  });
  site.replace('/five', {
    body: '<!doctype html><script type="module" src="/five.js"></script>',
    type: 'text/html',
  });
  const printed = page.waitForEvent('console');
  await page.goto(`${site.url}five`);
  const titles = (await (await printed).args()[0]?.jsonValue()) as string[];
  expect(titles).toHaveLength(6);
});

for (const [version, folder] of [
  ['19', 'node_modules'],
  ['18', 'tests/browser/react-18/node_modules'],
] as const) {
  test.describe(`React ${version}`, () => {
    let outDir = '';
    test.beforeAll(async () => {
      outDir = mkdtempSync(path.join(tmpdir(), 'halfling-react-'));
      await build({
        root: at('examples/react'),
        logLevel: 'error',
        build: { outDir, emptyOutDir: true },
        // One React for the example and the package, whose own folder is elsewhere here.
        resolve: { alias: { react: at(folder, 'react'), 'react-dom': at(folder, 'react-dom') } },
      });
    });
    test.afterAll(() => rmSync(outDir, { recursive: true, force: true }));

    test('the example follows the history, and its own filter', async ({
      page,
      site,
      violations,
    }) => {
      site.mount('/assets/', path.join(outDir, 'assets'));
      site.mount('/model/', at('build/models/movielens-half'));
      site.mount('/app/', outDir);
      await page.goto(`${site.url}app/index.html`);
      const popular = await titles(page);
      await rows(page).getByRole('button').first().click();
      await expect.poll(() => titles(page)).not.toEqual(popular);
      const personal = await titles(page);
      expect(personal).not.toContain(popular[0]);

      await page.getByRole('combobox').selectOption('War');
      await expect.poll(() => titles(page)).not.toEqual(personal);
      await page.getByRole('combobox').selectOption('');
      await expect.poll(() => titles(page)).toEqual(personal);
      await page.getByRole('button', { name: 'Forget what I viewed' }).click();
      await expect.poll(() => titles(page)).toEqual(popular);
      expect(page.workers()).toHaveLength(1); // StrictMode starts twice, and ends one of them
      expect(violations).toEqual([]);
    });

    test('a failed start is shown, and can be tried again', async ({ page, site }) => {
      site.mount('/assets/', path.join(outDir, 'assets'));
      site.mount('/app/', outDir);
      await page.goto(`${site.url}app/index.html`);
      await expect(page.getByRole('alert')).toContainText('/model/manifest.json answered HTTP 404');
      site.mount('/model/', at('build/models/movielens-half'));
      await page.getByRole('button', { name: 'Try again' }).click();
      await titles(page);
    });
  });
}
