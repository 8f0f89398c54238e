// Asks the native tool and the wasm module the same questions about one model directory, and
// requires the same answers, to the bit.
//
// usage: node tests/wasm/compare_with_native.mjs HALFLING.mjs HALFLING_TOOL MODEL_DIRECTORY [REQUESTS
//   [THREADS]]
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modulePath, tool, directory, requests = "20", threads = "1"] = process.argv.slice(2);
if (!directory) {
  console.error("usage: node compare_with_native.mjs HALFLING.mjs HALFLING_TOOL MODEL_DIRECTORY");
  process.exit(2);
}

// Any sequence does, so long as it is the same each time.
let state = 1;
const below = (bound) => (state = (state * 48271) % 2147483647) % bound;
const pick = (count, bound) => Array.from({ length: count }, () => below(bound));

const { default: createModule } = await import(pathToFileURL(path.resolve(modulePath)).href);
const module = await createModule({ helpers: Number(threads) - 1 });
const engine = new module.Engine();
for (const name of await readdir(directory)) {
  if (name.endsWith(".safetensors")) engine.addShard(name, await readFile(path.join(directory, name)));
}
assert.deepEqual(engine.load(), { ok: true });
if (threads !== "1") engine.useThreads(Number(threads));
const { items } = JSON.parse(await readFile(path.join(directory, "catalog.json"), "utf8"));
const idsOf = (indices) => indices.map((index) => items[index].id).join(",");

let milliseconds = 0;
let compared = 0;
for (let request = 0; request < Number(requests); ++request) {
  const history = pick(1 + below(30), items.length);
  const exclude = pick(1 + below(5), items.length);
  const limit = 1 + below(20);
  const beam = 1 + below(30);
  const search = request % 2 === 0 ? "exact" : "beam";
  const native = JSON.parse(execFileSync(tool, [
    "recommend", directory, "--json", "--history", idsOf(history), "--exclude", idsOf(exclude),
    "--limit", `${limit}`, "--search", search, "--beam", `${beam}`,
  ]));
  const start = performance.now();
  const outcome = engine.recommend({
    history: Int32Array.from(history),
    exclude: Int32Array.from(exclude),
    limit,
    search,
    beamWidth: beam,
  });
  milliseconds += performance.now() - start;
  assert.equal(outcome.ok, true, outcome.message);
  assert.equal(outcome.exact, native.exact);
  assert.deepEqual([...outcome.items], native.items.map((item) => item.index));
  // The tool prints enough digits to give the float back.
  const scores = Float32Array.from(native.items.map((item) => item.score));
  assert.deepEqual(new Uint32Array(outcome.scores.buffer), new Uint32Array(scores.buffer));
  compared += scores.length;
}
engine.delete();
console.log(`${directory}: ${requests} requests, ${compared} scores, all bits the same ` +
  `(${module.simd()}, threads: ${threads}, ${(milliseconds / Number(requests)).toFixed(1)} ms a request)`);
