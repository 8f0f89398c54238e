// Measures one recommendation in Chromium (history 20, beam 20, top 10; every history is new, so
// nothing is reused), for the original and the halved MovieLens model, with each of the two engines.
// The models take turns, so that a busy machine hurts all alike. Needs `npm run demo` to have built.
// usage: node scripts/bench-page.mjs [--json] [--runs N] [--folder DIR] [--models NAME,…]
import path from 'node:path';
import { parseArgs } from 'node:util';

import { PackageSite } from '../tests/browser/package-site.mjs';
import { quantile } from './bench/statistics.mjs';
import { launchChromium } from './lib/browsers.mjs';
import { ROOT } from './lib/command.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    help: { type: 'boolean' },
    runs: { type: 'string', default: '100' },
    folder: { type: 'string', default: 'build/models' },
    models: { type: 'string', default: 'movielens-original,movielens-half' },
  },
});

/** Runs in the page. Milliseconds are those that the worker measured around the engine. */
async function measure({ models, runs }) {
  const cases = [];
  for (const model of models) {
    for (const simd of ['baseline', 'relaxed']) {
      const recommender = await halfling.createRecommender({ model: `/models/${model}/`, simd });
      cases.push({ model, simd, recommender, times: [] });
    }
  }
  let seed = 1;
  const random = (below) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const warmUps = 10;
  for (let run = 0; run < warmUps + runs; run++) {
    const { items } = cases[0].recommender;
    const history = Array.from({ length: 20 }, () => items[random(items.length)].id);
    for (const { recommender, times } of cases) {
      await recommender.recommend({ history, limit: 10, beamWidth: 20 });
      if (run >= warmUps) times.push(recommender.lastCall.milliseconds);
    }
  }
  return cases.map(({ model, simd, recommender, times }) => {
    const { modelBytes, wasmBytes, parameters, loadMilliseconds } = recommender.info;
    return {
      model,
      simd,
      times,
      load_ms: loadMilliseconds,
      model_bytes: modelBytes,
      wasm_bytes: wasmBytes,
      parameters,
    };
  });
}

/** The figures of `measure`'s answer for one model and engine. */
function figures({ model, simd, times, ...rest }) {
  const sorted = [...times].sort((a, b) => a - b);
  return {
    model,
    simd,
    runs: sorted.length,
    median_ms: quantile(sorted, 0.5),
    p10_ms: quantile(sorted, 0.1),
    p90_ms: quantile(sorted, 0.9),
    ...rest,
  };
}

async function main() {
  const site = await PackageSite.start(ROOT, path.resolve(ROOT, values.folder));
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(site.url);
    await page.waitForFunction(() => 'halfling' in globalThis);
    const options = { models: values.models.split(','), runs: Number(values.runs) };
    const results = (await page.evaluate(measure, options)).map(figures);
    if (values.json) {
      console.log(JSON.stringify({ browser: browser.version(), results }, null, 2));
      return;
    }
    console.log(`Chromium ${browser.version()}, history 20, beam 20, top 10`);
    for (const { model, simd, median_ms, p10_ms, p90_ms } of results) {
      const spread = `${p10_ms.toFixed(2)} – ${p90_ms.toFixed(2)}`;
      console.log(`${model.padEnd(22)} ${simd.padEnd(9)} ${median_ms.toFixed(2)} ms  (${spread})`);
    }
  } finally {
    await browser.close();
    await site.stop();
  }
}

if (values.help) {
  console.log(
    'usage: node scripts/bench-page.mjs [--json] [--runs N] [--folder DIR] [--models NAME,…]',
  );
} else {
  await main();
}
