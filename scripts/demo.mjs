// `npm run demo`: from a fresh clone to the film shop. Sets up, halves the MovieLens model, builds the
// engine for the browser and the shop, serves it and prints its address.
import { parseArgs } from 'node:util';
import { buildDemo, setUp } from './lib/build.mjs';
import { elapsed, ROOT } from './lib/command.mjs';
import { ISOLATION } from './lib/isolation.mjs';

const USAGE = `usage: npm run demo [-- --check] [-- --port N] [-- --isolated]
  --check      open the shop in headless Chromium, have it recommend with both models, print what
               it shows and exit: 0 if all came, 1 if not
  --port N     where to serve the shop (default: 4173, isolated 4273, or the next free one)
  --isolated   serve it cross-origin isolated: then threads share the work, else all is the same`;
const TASTE = 'Science fiction'; // one of the shop's buttons
const MODELS = ['halved', 'original']; // the shop's names for its two
const LIST_LENGTH = 10;
const LOADING_LIMIT_MS = 60_000;

async function main() {
  const { values } = parseArgs({
    options: {
      check: { type: 'boolean' },
      port: { type: 'string' },
      isolated: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const started = Date.now();
  await setUp();
  await buildDemo();
  // Another port: a service worker answers with the headers that the page had when it was stored.
  const port = values.port ?? (values.isolated ? 4273 : 4173);
  const server = await serve(Number(port), values.isolated ? ISOLATION : {});
  const address = server.resolvedUrls.local[0];
  console.log(`\nBuilt in ${elapsed(started)}. The shop: ${address}`);
  if (!values.check) {
    console.log('Press Ctrl+C to stop.');
    return;
  }
  try {
    await checkShop(address);
  } finally {
    await server.close();
  }
}

/** Serves demo/dist on this machine alone; takes the next free port if this one is taken. */
async function serve(port, headers) {
  const { preview } = await import('vite'); // only there after set-up
  const server = await preview({
    root: `${ROOT}/demo`,
    logLevel: 'warn',
    preview: { port, host: 'localhost', headers },
  });
  if (!server.resolvedUrls) throw new Error(`the server did not start on port ${port}`);
  return server;
}

async function checkShop(address) {
  const { launchChromium } = await import('./lib/browsers.mjs');
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(LOADING_LIMIT_MS);
    const problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(address);
    await page.locator('.sent', { hasText: 'request' }).waitFor(); // all is loaded
    await page.getByRole('button', { name: TASTE, exact: true }).click();
    for (const shelf of [/^For you$/, /^Because you viewed/]) await printShelf(page, shelf);
    await page.getByRole('link', { name: 'How it works' }).first().click();
    for (const model of MODELS) await printRanking(page, model);
    await printTable(page);
    console.log(`\n${await page.locator('.sent').innerText()} since loading`);
    if (problems.length > 0) throw new Error(`the page reported: ${problems.join('; ')}`);
  } finally {
    await browser.close();
  }
}

async function printShelf(page, name) {
  const shelf = page.getByRole('region', { name });
  const films = shelf.locator('.card a');
  await films.first().waitFor();
  const titles = await films.evaluateAll((links) => links.map((link) => link.title));
  console.log(`\n${await shelf.getByRole('heading').innerText()}:\n  ${titles.join(', ')}`);
}

/** An incomplete list is an error. */
async function printRanking(page, model) {
  const list = page.getByRole('list', { name: `Recommended by the ${model} model` });
  const rows = list.locator('.ranked-title');
  await rows.nth(LIST_LENGTH - 1).waitFor();
  const titles = await rows.allInnerTexts();
  if (new Set(titles).size !== LIST_LENGTH) {
    throw new Error(`the ${model} model listed ${titles.length} films: ${titles.join(', ')}`);
  }
  console.log(`\nThe ${model} model, after "${TASTE}":`);
  titles.forEach((title, i) => console.log(`  ${String(i + 1).padStart(2)}. ${title}`));
}

/** Size, quality and time of both, once both times are measured. */
async function printTable(page) {
  const rows = page.getByRole('table').getByRole('row');
  await rows
    .last()
    .getByText(/ ms$/)
    .nth(MODELS.length - 1)
    .waitFor();
  console.log();
  for (const row of await rows.all()) {
    const [name, ...cells] = await row.locator('th, td').allInnerTexts();
    console.log(`  ${name.padEnd(26)}${cells.map((cell) => cell.padEnd(28)).join('')}`.trimEnd());
  }
}

await main().catch((error) => {
  console.error(`\nnpm run demo: ${error.message}`);
  process.exitCode = 1;
});
