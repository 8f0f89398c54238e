// `npm run demo`: from a fresh clone to the page. Sets up, halves the MovieLens model, builds the
// engine for the browser and the page, serves it and prints its address.
import { parseArgs } from 'node:util';
import { buildDemo, setUp } from './lib/build.mjs';
import { elapsed, ROOT } from './lib/command.mjs';

const USAGE = `usage: npm run demo [-- --check] [-- --port N]
  --check   open the page in headless Chromium, have it recommend with both models, print the
            lists and exit: 0 if they came, 1 if not
  --port N  where to serve the page (default: 4173, or the next free one)`;
const EXAMPLE = 'Science fiction'; // one of the page's buttons
const MODELS = ['Halved', 'Original']; // the page's names for its two
const LIST_LENGTH = 10;
const LOADING_LIMIT_MS = 60_000;

async function main() {
  const { values } = parseArgs({
    options: {
      check: { type: 'boolean' },
      port: { type: 'string', default: '4173' },
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
  const server = await serve(Number(values.port));
  const address = server.resolvedUrls.local[0];
  console.log(`\nBuilt in ${elapsed(started)}. The page: ${address}`);
  if (!values.check) {
    console.log('Press Ctrl+C to stop.');
    return;
  }
  try {
    await checkPage(address);
  } finally {
    await server.close();
  }
}

/** Serves demo/dist on this machine alone; takes the next free port if this one is taken. */
async function serve(port) {
  const { preview } = await import('vite'); // only there after set-up
  const server = await preview({
    root: `${ROOT}/demo`,
    logLevel: 'warn',
    preview: { port, host: 'localhost' },
  });
  if (!server.resolvedUrls) throw new Error(`the server did not start on port ${port}`);
  return server;
}

async function checkPage(address) {
  const { launchChromium } = await import('./lib/chromium.mjs');
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(LOADING_LIMIT_MS);
    const problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(address);
    await page.getByRole('button', { name: EXAMPLE, exact: true }).click();
    for (const model of MODELS) {
      await page.getByRole('button', { name: model, exact: true }).click();
      await printRecommendations(page, model);
    }
    if (problems.length > 0) throw new Error(`the page reported: ${problems.join('; ')}`);
  } finally {
    await browser.close();
  }
}

/** Prints one model's list and the page's figures; an incomplete list is an error. */
async function printRecommendations(page, model) {
  const list = page.getByRole('list', { name: `Recommended by the ${model.toLowerCase()} model` });
  await list
    .locator('li')
    .nth(LIST_LENGTH - 1)
    .waitFor();
  const titles = await list.locator('.ranked-title').allInnerTexts();
  const chances = await list.locator('.chance').allInnerTexts();
  if (new Set(titles).size !== LIST_LENGTH || chances.length !== LIST_LENGTH) {
    throw new Error(`the ${model} model listed ${titles.length} films: ${titles.join(', ')}`);
  }
  console.log(`\n${model} model, after "${EXAMPLE}":`);
  titles.forEach((title, i) => {
    console.log(`  ${String(i + 1).padStart(2)}. ${title.padEnd(48)} ${chances[i]}`);
  });
  const figures = page.getByRole('region', { name: 'What ran where' }).locator('.figure');
  for (const figure of await figures.all()) {
    const name = await figure.locator('dt').innerText();
    console.log(`      ${name}: ${await figure.locator('dd').innerText()}`);
  }
}

await main().catch((error) => {
  console.error(`\nnpm run demo: ${error.message}`);
  process.exitCode = 1;
});
