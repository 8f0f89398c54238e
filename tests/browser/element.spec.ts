// <halfling-recommendations> under the strict policy, with a keyboard and with axe.

import path from 'node:path';

import AxeBuilder from '@axe-core/playwright';
import type { Locator, Page, Request } from '@playwright/test';
import type { HalflingError } from 'halfling';
import type { HalflingRecommendations } from 'halfling/element';

import { endWorker, expect, rootDir, test } from './fixtures';
import { create, MODEL, openPage } from './package-page';

test.beforeEach(async ({ page, site }) => {
  site.reset();
  await openPage(page, site);
  await page.evaluate(() => {
    document.documentElement.lang = 'en';
    document.body.append(document.createElement('main'));
  });
});

const list = (page: Page) => page.getByRole('list');
const rows = (page: Page) => list(page).getByRole('listitem');

/** Puts `html` into the page and gives the element the page's recommender. */
async function place(page: Page, html: string, model = false): Promise<Locator> {
  if (!model) await create(page, { model: MODEL });
  await page.evaluate((text) => {
    const main = document.querySelector('main') as HTMLElement;
    main.innerHTML = text;
    const element = main.querySelector('halfling-recommendations') as HalflingRecommendations;
    if (!element.hasAttribute('model')) element.recommender = recommender;
  }, html);
  return page.locator('halfling-recommendations');
}

test('draws a list that follows the history', async ({ page, violations }) => {
  await place(page, '<halfling-recommendations limit="6"></halfling-recommendations>');
  await expect(rows(page)).toHaveCount(6);
  const popular = await rows(page).allInnerTexts();
  await expect(page.getByRole('status')).toHaveText('6 recommendations');
  await page.evaluate(() => recommender.track({ type: 'view', item: '50' }));
  await expect.poll(() => rows(page).allInnerTexts()).not.toEqual(popular);
  const expected = await page.evaluate(async () =>
    (await recommender.recommend({ limit: 6 })).map(({ item }) => item.title),
  );
  await expect(rows(page).locator('[part=title]')).toHaveText(expected as string[]);
  expect(violations).toEqual([]);
});

test('loads a model of its own, and disposes of it when it goes', async ({ page }) => {
  const element = await place(
    page,
    `<halfling-recommendations model="${MODEL}" similar-to="50" limit="4"></halfling-recommendations>`,
    true,
  );
  await expect(rows(page)).toHaveCount(4);
  const similar = await rows(page).allInnerTexts();
  await element.evaluate((node) => node.setAttribute('similar-to', '71'));
  await expect.poll(() => rows(page).allInnerTexts()).not.toEqual(similar);
  await element.evaluate((node) => document.body.append(node)); // a move is no end
  expect(page.workers()).toHaveLength(1);
  await expect(rows(page)).toHaveCount(4);
  await element.evaluate((node) => node.remove());
  await expect.poll(() => page.workers().length).toBe(0);
});

test('a model of its own can be told of what the visitor views, until another is given', async ({
  page,
}) => {
  const element = await place(
    page,
    `<halfling-recommendations model="${MODEL}" limit="4"></halfling-recommendations>`,
    true,
  );
  await expect(rows(page)).toHaveCount(4);
  const popular = await rows(page).allInnerTexts();
  await element.evaluate(async (node: HalflingRecommendations) => {
    await node.recommender?.track({ type: 'view', item: '50' });
  });
  await expect.poll(() => rows(page).allInnerTexts()).not.toEqual(popular);

  await create(page, { model: MODEL });
  expect(page.workers()).toHaveLength(2);
  const states = await element.evaluate(async (node: HalflingRecommendations) => {
    const heard: string[] = [];
    const ready = new Promise((resolve) => {
      node.addEventListener('halfling-state', () => {
        heard.push(node.state.status);
        if (node.state.status === 'ready') resolve(undefined);
      });
    });
    node.recommender = recommender;
    await ready;
    return heard;
  });
  expect(states).toEqual(['loading', 'ready']);
  expect(await rows(page).allInnerTexts()).toEqual(popular);
  await expect.poll(() => page.workers().length).toBe(1); // its own is disposed of
});

test('takes properties that were set before it was defined', async ({ page, site }) => {
  site.replace('/late.js', {
    type: 'text/javascript',
    body: `
      import * as halfling from '/dist/index.js';
      const element = document.querySelector('halfling-recommendations');
      element.query = { limit: 3 };
      element.recommender = await halfling.createRecommender({ model: '${MODEL}' });
      await import('/dist/element.js');`,
  });
  site.replace('/late', {
    type: 'text/html',
    body: `<!doctype html><script type="module" src="/late.js"></script>
      <halfling-recommendations></halfling-recommendations>`,
  });
  await page.goto(`${site.url}late`);
  await expect(rows(page)).toHaveCount(3);
  const element = page.locator('halfling-recommendations');
  await element.evaluate((node: HalflingRecommendations) => {
    node.query = { limit: 2 };
  });
  await expect(rows(page)).toHaveCount(2);
});

test('announces a new list in the page’s own words, and once', async ({ page }) => {
  const element = await place(
    page,
    `<halfling-recommendations limit="3" status-label="{count} Filme für Sie">
     </halfling-recommendations>`,
  );
  const status = page.getByRole('status');
  await expect(status).toHaveText('3 Filme für Sie');
  await status.evaluate((node) => {
    const changes = ((globalThis as { changes?: string[] }).changes = []) as string[];
    new MutationObserver(() => changes.push(node.textContent ?? '')).observe(node, {
      childList: true,
      characterData: true,
      subtree: true,
    });
  });
  await page.evaluate(() => recommender.track({ type: 'view', item: '50' }));
  await expect(rows(page).filter({ hasText: 'Star Wars' })).toHaveCount(0); // a new list
  await element.evaluate((node) => node.setAttribute('limit', '2'));
  await expect(status).toHaveText('2 Filme für Sie');
  const changes = await page.evaluate(() => (globalThis as { changes?: string[] }).changes);
  expect(changes).toEqual(['2 Filme für Sie']);
});

/** What the element tells, from now on. */
async function recordStates(element: Locator): Promise<() => Promise<string[]>> {
  await element.evaluate((node: HalflingRecommendations) => {
    const states: string[] = [];
    node.addEventListener('halfling-state', () => states.push(node.state.status));
    Object.assign(node, { states });
  });
  return () => element.evaluate((node) => (node as unknown as { states: string[] }).states);
}

test('shows what went wrong, tells the console, and tries again', async ({
  page,
  site,
  violations,
}) => {
  const element = await place(
    page,
    `<halfling-recommendations model="/nowhere/">
       <p slot="error">No picks today.</p><p slot="empty">Nothing fits.</p>
     </halfling-recommendations>`,
    true,
  );
  await expect(page.getByText('No picks today.')).toBeVisible();
  await expect(page.getByText('Nothing fits.')).toBeHidden();
  await expect(page.getByRole('status')).toBeEmpty();
  const message = await element.evaluate(
    (node: HalflingRecommendations) => (node.state.error as HalflingError).message,
  );
  expect(message).toContain('/nowhere/manifest.json answered HTTP 404');
  expect(violations.join()).toContain(message);

  const states = await recordStates(element);
  site.mount('/nowhere/', path.join(rootDir, 'build/models/movielens-half'));
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await expect(rows(page)).toHaveCount(10);
  expect(await states()).toEqual(['loading', 'loading', 'ready']);
  await page.evaluate(() => dispatchEvent(new Event('online'))); // now there is nothing to try
  await element.evaluate((node) => node.setAttribute('model', '/elsewhere/'));
  await expect(page.getByText('No picks today.')).toBeVisible();
  expect((await states()).slice(3)).toEqual(['loading', 'error']);
});

test('loads its model again when the worker has died, and tells the console of warnings', async ({
  page,
  site,
}) => {
  const element = await place(
    page,
    `<halfling-recommendations model="${MODEL}" limit="3"></halfling-recommendations>`,
    true,
  );
  await expect(rows(page)).toHaveCount(3);
  const states = await recordStates(element);
  await endWorker(page);
  await expect.poll(states).toEqual(['error']);
  expect(await element.evaluate((node) => 'recommender' in node && node.recommender)).toBeUndefined();
  const warned = page.waitForEvent('console', (message) => message.type() === 'warning');
  site.replace(`${MODEL}manifest.json`, { body: 'sorry', type: 'text/plain', status: 503 });
  await element.evaluate((node: HalflingRecommendations) => node.retry());
  expect((await warned).text()).toContain('answered HTTP 503');
  await expect.poll(async () => (await states()).at(-1)).toBe('ready');
  await expect(rows(page)).toHaveCount(3);
});

test('keeps an error from the console where the page takes care of it', async ({
  page,
  violations,
}) => {
  const element = await place(
    page,
    '<halfling-recommendations similar-to="no-such" limit="3"></halfling-recommendations>',
  );
  await expect.poll(() => violations.join()).toContain('`similar()` names the item "no-such"');
  await element.evaluate((node) => {
    node.addEventListener('halfling-state', (event) => event.preventDefault());
    node.setAttribute('limit', '0');
    node.removeAttribute('similar-to');
  });
  await expect
    .poll(() => element.evaluate((node: HalflingRecommendations) => String(node.state.error)))
    .toContain('`limit` is 0');
  expect(violations.join()).not.toContain('`limit`');
});

test('fills in the page’s template, in the page’s own DOM', async ({ page }) => {
  const element = await place(
    page,
    `<halfling-recommendations limit="3" label="Films">
       <h2 slot="heading">For you</h2>
       <template>
         <a class="card" data-href="url"><img data-src="image" data-alt="title"><b data-text="title"></b></a>
       </template>
     </halfling-recommendations>`,
  );
  await expect(rows(page)).toHaveCount(3);
  await expect(page.getByRole('region', { name: 'Films' })).toBeVisible();
  const cards = page.locator('halfling-recommendations > div > a.card');
  await expect(cards).toHaveCount(3);
  await expect(cards.first()).toHaveText(/Star Wars/);
  await element.evaluate((node: HalflingRecommendations) => {
    node.query = { filter: () => false };
  });
  await expect(cards).toHaveCount(0);
});

test('takes no address that would run a script', async ({ page }) => {
  await page.evaluate(async (model) => {
    globalThis.recommender = (await halfling.createRecommender({
      model,
      toItem: (item) => ({
        ...item,
        url: Number(item.id) % 2 ? 'javascript:alert(1)' : `/film/${item.id}`,
        image: 'data:text/html,<script>alert(1)</script>',
        title: '<img src=x onerror=alert(1)>',
      }),
    })) as unknown as typeof recommender;
  }, MODEL);
  await page.evaluate(() => {
    const element = document.createElement('halfling-recommendations');
    element.recommender = recommender;
    element.setAttribute('limit', '20');
    document.querySelector('main')?.append(element);
  });
  await expect(rows(page)).toHaveCount(20);
  const links = await list(page)
    .getByRole('link')
    .evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).pathname));
  expect(links.length).toBeGreaterThan(0);
  expect(links.length).toBeLessThan(20);
  for (const link of links) expect(link).toMatch(/^\/film\/\d+$/);
  await expect(page.locator('halfling-recommendations').locator('img')).toHaveCount(0);
});

for (const [kind, content] of [
  ['its own items', ''],
  ['copies of a template', '<template><img data-src="image" alt=""></template>'],
] as const) {
  test(`asks for the images of ${kind} and for nothing else, without a referrer`, async ({
    page,
  }) => {
    await page.evaluate(async (model) => {
      globalThis.recommender = (await halfling.createRecommender({
        model,
        toItem: (item) => ({ ...item, image: `/cover/${item.id}` }),
      })) as unknown as typeof recommender;
    }, MODEL);
    const requests: Request[] = [];
    page.context().on('request', (request) => requests.push(request));
    await page.evaluate((html) => {
      const element = document.createElement('halfling-recommendations');
      element.innerHTML = html;
      element.setAttribute('limit', '3');
      element.recommender = recommender;
      document.querySelector('main')?.append(element);
    }, content);
    await expect(rows(page)).toHaveCount(3);
    const covers = await page.evaluate(async () =>
      (await recommender.recommend({ limit: 3 })).map(({ id }) => `/cover/${id}`),
    );
    const asked = () => requests.map((request) => new URL(request.url()).pathname).sort();
    await expect.poll(asked).toEqual(covers.sort());
    await page.waitForTimeout(500);
    expect(asked()).toEqual(covers);
    for (const request of requests) expect(await request.headerValue('referer')).toBeNull();
  });
}

test('keyboard: choose, dismiss, and keep the place', async ({ page }) => {
  const element = await place(
    page,
    '<halfling-recommendations limit="5" dismissible></halfling-recommendations>',
  );
  await expect(rows(page)).toHaveCount(5);
  await element.evaluate((node) => {
    node.addEventListener('halfling-select', (event) => {
      const { recommendation } = (event as CustomEvent).detail as {
        recommendation: { id: string };
      };
      node.setAttribute('data-selected', recommendation.id);
    });
  });
  await page.keyboard.press('Tab');
  await expect(rows(page).first().locator('[part=link]')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(element).toHaveAttribute('data-selected', '50');

  await page.keyboard.press('Tab');
  const dismiss = page.getByRole('button', { name: /^Not interested: Star Wars/ });
  await expect(dismiss).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(dismiss).toHaveCount(0);
  await expect(rows(page)).toHaveCount(5);
  await expect(rows(page).first().locator('[part=dismiss]')).toBeFocused();
  expect(await page.evaluate(() => recommender.getHistory().map(({ type }) => type))).toEqual([
    'dismiss',
  ]);
});

test('leaves the focus to another list that holds the same item', async ({ page }) => {
  await create(page, { model: MODEL });
  await page.evaluate(() => {
    const template = '<template><a href="#film" data-text="title"></a></template>';
    const tag = 'halfling-recommendations';
    const main = document.querySelector('main') as HTMLElement;
    main.innerHTML = `<${tag} limit="3">${template}</${tag}>`.repeat(2);
    for (const element of main.querySelectorAll(tag)) element.recommender = recommender;
  });
  const element = (place: number) => page.locator('halfling-recommendations').nth(place);
  const films = (place: number) => element(place).locator('a');
  await expect(films(0)).toHaveCount(3);
  await expect(films(1)).toHaveCount(3);
  await films(0).nth(1).focus();
  await element(1).evaluate((node) => node.setAttribute('limit', '4'));
  await expect(films(1)).toHaveCount(4);
  await expect(films(0).nth(1)).toBeFocused();
});

for (const [kind, attribute] of [
  ['popular', 'trending'],
  ['similar', 'similar-to="172"'],
] as const) {
  test(`what is dismissed leaves a list of ${kind} items`, async ({ page }) => {
    const tag = 'halfling-recommendations';
    await place(page, `<${tag} ${attribute} limit="5" dismissible></${tag}>`);
    await expect(rows(page)).toHaveCount(5);
    const titles = rows(page).locator('[part=title]');
    const [first = '', ...others] = await titles.allInnerTexts();
    await page.getByRole('button', { name: `Not interested: ${first}`, exact: true }).click();
    await expect(titles).toHaveText([...others, /./]);
    await expect(titles.filter({ hasText: first })).toHaveCount(0);
  });
}

test('has no accessibility defect that axe finds', async ({ page }) => {
  await page.evaluate(() => {
    document.title = 'Shop';
  });
  await place(
    page,
    '<h1>Shop</h1><halfling-recommendations limit="5" dismissible></halfling-recommendations>',
  );
  await expect(rows(page)).toHaveCount(5);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
});

test('script tags: everything but React in one file', async ({ page, site }) => {
  site.replace('/classic', {
    type: 'text/html',
    body: '<!doctype html><script src="/dist/halfling.global.js"></script><halfling-recommendations></halfling-recommendations>',
  });
  await page.goto(`${site.url}classic`);
  await create(page, { model: MODEL });
  await page.evaluate(() => {
    const element = document.querySelector('halfling-recommendations') as HalflingRecommendations;
    element.recommender = recommender;
  });
  await expect(rows(page)).toHaveCount(10);
});
