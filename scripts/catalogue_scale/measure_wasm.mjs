// The same as tests/bench/catalogue_bench.cc, by the wasm module in Node.
//
// usage: node scripts/catalogue_scale/measure_wasm.mjs HALFLING.mjs SHARD.safetensors HISTORIES.json
import { readFile } from 'node:fs/promises';

import { startModule } from '../../tests/wasm/start_module.mjs';
import { quantile } from '../bench/statistics.mjs';

const [modulePath, shardPath, historiesPath] = process.argv.slice(2);
if (!historiesPath) {
  console.error('usage: node measure_wasm.mjs HALFLING.mjs SHARD.safetensors HISTORIES.json');
  process.exit(2);
}
const MASKED_SHARE = 10;

const { module, memory } = await startModule(modulePath);
const shard = await readFile(shardPath);
const histories = JSON.parse(await readFile(historiesPath, 'utf8'));

const begin = performance.now();
const engine = new module.Engine();
engine.addShard('model-00001-of-00001.safetensors', shard);
const loaded = engine.load();
const loadMilliseconds = performance.now() - begin;
if (!loaded.ok) throw new Error(loaded.message);
const loadPeakBytes = memory.buffer.byteLength;

const items = JSON.parse(shard.subarray(8, 8 + Number(shard.readBigUInt64LE(0))).toString())[
  'catalog.codes'
].shape[0];
const hash = (item) => {
  const mixed = Math.imul(item ^ (item >>> 16), 2246822519) >>> 0;
  return (mixed ^ (mixed >>> 13)) >>> 0;
};
const allItems = Array.from({ length: items }, (_, item) => item);
const allow = Int32Array.from(allItems.filter((item) => hash(item) % MASKED_SHARE === 0));
const boosts = Float32Array.from(allItems, (item) => ((hash(item) >>> 8) & 0xff) / 256);

function measure(options) {
  const milliseconds = [];
  let nodes = 0;
  let exact = 0;
  for (const history of histories) {
    const request = { history: Int32Array.from(history), ...options };
    const start = performance.now();
    const outcome = engine.recommend(request);
    milliseconds.push(performance.now() - start);
    if (!outcome.ok) throw new Error(outcome.message);
    nodes += outcome.nodesRun;
    exact += Number(outcome.exact);
  }
  milliseconds.sort((a, b) => a - b);
  const count = milliseconds.length;
  return {
    milliseconds: quantile(milliseconds, 0.5),
    milliseconds_p99: quantile(milliseconds, 0.99),
    nodes_run: nodes / count,
    exact_share: exact / count,
  };
}

for (const search of ['exact', 'beam']) measure({ search }); // the code gets compiled
const cases = {};
for (const search of ['exact', 'beam']) {
  cases[search] = measure({ search });
  cases[`${search}, mask`] = measure({ search, allow });
  cases[`${search}, boosts`] = measure({ search, boosts });
}
console.log(
  JSON.stringify({
    items,
    file_bytes: shard.byteLength,
    load_milliseconds: loadMilliseconds,
    load_peak_bytes: loadPeakBytes,
    peak_bytes: memory.buffer.byteLength,
    cases,
  }),
);
