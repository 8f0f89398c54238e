// `npm run bench -- --json FILE`: measures one recommendation in headless Chromium by Halfling, by
// onnxruntime-web and by wllama, in one run, the engines taking turns. Builds what is missing first.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { ModelBenchmark } from './bench/browser.mjs';
import { measureDownloads } from './bench/downloads.mjs';
import { CASES, ENGINES, MODELS } from './bench/plan.mjs';
import { FOLDERS, installedVersion, installPackages, prepareModel } from './bench/prepare.mjs';
import { startSite } from './bench/site.mjs';
import { buildPackage, buildPreset, installPython, PYTHON, setUp } from './lib/build.mjs';
import { launchChromium } from './lib/browsers.mjs';
import { elapsed, mustRun, ROOT } from './lib/command.mjs';

const MODEL_NAMES = MODELS.map(({ name }) => name);
const HAS_ALL = MODELS.filter(({ optional, checkpoint }) => {
  return !optional || existsSync(path.join(ROOT, checkpoint, 'recommender.json'));
}).map(({ name }) => name);
const ALL_CASES = [...CASES, 'load'];
const HELP = `usage: npm run bench -- --json FILE [OPTIONS]
       npm run bench -- --from-json FILE [--markdown FILE] [--plot FILE]

  --json FILE        where to write the results
  --from-json FILE   measure nothing; read these results
  --markdown FILE    write the results as a page, such as docs/performance.md
  --plot FILE        write a plot, such as docs/images/performance.svg
  --models NAME,…    ${MODEL_NAMES.join(', ')} (all
                     whose checkpoint is there: random weights are made)
  --engines NAME,…   ${ENGINES.join(', ')} (all)
  --cases NAME,…     ${ALL_CASES.join(', ')} (all)
  --runs SHARE       share of the usual number of runs (1)
`;

function parse(given) {
  const text = { type: 'string' };
  const { values } = parseArgs({
    args: given,
    options: {
      json: text,
      'from-json': text,
      markdown: text,
      plot: text,
      models: { type: 'string', default: HAS_ALL.join(',') },
      engines: { type: 'string', default: ENGINES.join(',') },
      cases: { type: 'string', default: ALL_CASES.join(',') },
      runs: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const chosen = (option, known) => {
    const names = values[option].split(',');
    const unknown = names.find((name) => !known.includes(name));
    if (unknown) throw new Error(`--${option}: no '${unknown}'; there are ${known.join(', ')}`);
    return names;
  };
  if (!values.help && Boolean(values.json) === Boolean(values['from-json'])) {
    throw new Error('expected either --json FILE or --from-json FILE (see --help)');
  }
  const share = Number(values.runs);
  if (!(share > 0)) throw new Error(`--runs: expected a share above 0, not '${values.runs}'`);
  return {
    ...values,
    share,
    models: chosen('models', MODEL_NAMES),
    engines: chosen('engines', ENGINES),
    cases: chosen('cases', ALL_CASES),
  };
}

async function prepare({ models, engines }) {
  await setUp();
  await buildPreset('native', ['halfling']);
  await buildPackage();
  await installPackages();
  await installPython('bench');
  for (const model of MODELS.filter(({ name }) => models.includes(name))) await prepareModel(model);
  console.log(`Ready to measure ${models.join(', ')} with ${engines.join(', ')}.`);
}

async function describeMachine() {
  const { output } = await mustRun(['git', 'describe', '--always', '--dirty'], { quiet: true });
  const [cpu] = os.cpus();
  return {
    commit: output.trim(),
    machine: {
      cpu: cpu?.model.trim() ?? os.arch(),
      cores: os.availableParallelism(),
      memory_bytes: os.totalmem(),
      system: `${os.type()} ${os.release()} ${os.arch()}`,
    },
    versions: {
      node: process.versions.node,
      'onnxruntime-web': await installedVersion('onnxruntime-web'),
      wllama: await installedVersion('@wllama/wllama'),
    },
  };
}

/** Saves after each model: what comes later may fail. */
async function measure({ models, engines, cases, share }, command, save) {
  const results = {
    format: 1,
    command,
    date: new Date().toISOString().slice(0, 19),
    ...(await describeMachine()),
    downloads: await measureDownloads(engines),
    models: [],
  };
  const site = await startSite(FOLDERS);
  const browser = await launchChromium();
  try {
    results.browser = `Chromium ${browser.version()}`;
    for (const model of MODELS.filter(({ name }) => models.includes(name))) {
      const page = await openPage(browser, site.url);
      const benchmark = new ModelBenchmark(page, model, { share, say: console.log });
      results.models.push(await benchmark.measure(engines, cases));
      await save(results);
      await page.close();
    }
  } finally {
    await browser.close();
    await site.stop();
  }
}

async function openPage(browser, url) {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(`the page: ${error.message}`));
  await page.goto(url);
  await page.waitForFunction(() => 'bench' in globalThis);
  if (!(await page.evaluate(() => crossOriginIsolated))) {
    throw new Error('the page is not cross-origin isolated: there would be no threads');
  }
  return page;
}

async function render(file, { markdown, plot }) {
  if (!markdown && !plot) return;
  if (plot) await installPython('quality');
  const options = [
    ...(markdown ? ['--markdown', markdown] : []),
    ...(plot ? ['--plot', plot] : []),
  ];
  await mustRun([PYTHON, 'scripts/performance_page.py', file, ...options]);
}

async function main(given) {
  const options = parse(given);
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  if (options['from-json']) {
    await readFile(options['from-json']);
    await setUp();
    return render(options['from-json'], options);
  }
  const started = Date.now();
  await prepare(options);
  const file = path.resolve(ROOT, options.json);
  await mkdir(path.dirname(file), { recursive: true });
  await measure(options, ['npm run bench --', ...given].join(' '), (results) =>
    writeFile(file, `${JSON.stringify(results, null, 1)}\n`),
  );
  console.log(`${options.json}: written after ${elapsed(started)}`);
  await render(options.json, options);
}

await main(process.argv.slice(2)).catch((error) => {
  console.error(`npm run bench: ${error.message}`);
  process.exitCode = 1;
});
