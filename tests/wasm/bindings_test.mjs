// The wasm module as JavaScript uses it, held to the rankings that the native build committed.
//
// usage: node --disallow-code-generation-from-strings tests/wasm/bindings_test.mjs HALFLING.mjs [SIMD]
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { startModule } from "./start_module.mjs";

const [modulePath, simd = "baseline"] = process.argv.slice(2);
if (!modulePath) {
  console.error("usage: node tests/wasm/bindings_test.mjs HALFLING.mjs [baseline|relaxed]");
  process.exit(2);
}

const { default: createModule } = await import(pathToFileURL(path.resolve(modulePath)).href);
const golden = fileURLToPath(new URL("../golden/ranking/", import.meta.url));
const shardName = "model-00001-of-00001.safetensors";
const readShard = (model) => readFile(path.join(golden, model, shardName));
const catalogueSize = 60;  // of each golden model
const none = new Int32Array();

// A threaded build's answers are those of any number of threads, so all tests run with some.
const hasThreads = "useThreads" in (await createModule()).Engine.prototype;
const threads = hasThreads ? 3 : 1;
const start = () => startModule(modulePath, threads - 1);

async function loadEngine(module, model) {
  const engine = new module.Engine();
  engine.addShard(shardName, await readShard(model));
  assert.deepEqual(engine.load(), { ok: true });
  engine.useThreads?.(threads);
  return engine;
}

function recommend(engine, request = {}) {
  const { history = [1, 2], ...options } = request;
  return engine.recommend({ history: Int32Array.from(history), ...options });
}

function assertRefused(outcome, code, what) {
  assert.deepEqual(Object.keys(outcome).sort(), ["code", "message", "ok"]);
  assert.equal(outcome.ok, false);
  assert.equal(outcome.code, code);
  assert.match(outcome.message, what);
}

test("says which build it is", async () => {
  const module = await createModule();
  assert.match(module.buildId(), /^[0-9a-f]{16}$/);
  assert.equal(module.simd(), simd);
  assert.equal(module.relaxedDotSelfTest(), simd === "relaxed");
});

for (const model of ["dense", "low-rank", "quantized"]) {
  test(`ranks as the native build does, to the bit: ${model}`, async () => {
    const { module } = await start();
    const engine = await loadEngine(module, model);
    const answers = JSON.parse(await readFile(path.join(golden, model, "ranking.json"), "utf8"));
    assert.equal(answers.length, 12);
    for (const answer of answers) {
      const outcome = recommend(engine, {
        history: answer.history,
        limit: answer.limit,
        search: "beam",
        beamWidth: answer.beam_width,
        exclude: Int32Array.from(answer.exclude),
        allow: answer.allow && Int32Array.from(answer.allow),
        excludeSeen: answer.exclude_seen,
      });
      assert.equal(outcome.ok, true, outcome.message);
      assert(outcome.items instanceof Int32Array && outcome.scores instanceof Float32Array);
      assert.deepEqual([...outcome.items], answer.items);
      assert.deepEqual([...new Uint32Array(outcome.scores.buffer)], answer.score_bits);
      assert.deepEqual([...outcome.logProbabilities], [...outcome.scores]);
      assert.equal(outcome.reusedTokens, answer.reused_tokens);
      assert(outcome.tokensRun > outcome.nodesRun); // the prompt's last token always runs
    }
    engine.delete();
  });
}

// What the module itself says about each item, sorted: the exact search has to find just that.
function bestByScoring(engine, { history, boosts = null, limit }) {
  const items = Int32Array.from({ length: catalogueSize }, (_, item) => item);
  const { ok, message, logProbabilities } = engine.scoreItems(Int32Array.from(history), items);
  assert.equal(ok, true, message);
  const scores = logProbabilities.map((value, item) => value + (boosts?.[item] ?? 0));
  const best = [...items].filter((item) => !history.includes(item));
  best.sort((a, b) => scores[b] - scores[a]);
  return best.slice(0, limit).map((item) => [scores[item], logProbabilities[item]]);
}

test("the exact search finds the best of all, boosts included", async () => {
  const { module } = await start();
  const engine = await loadEngine(module, "dense");
  let nodesRun = 0;
  for (let round = 0; round < 20; ++round) {
    const history = [round, (7 * round + 3) % catalogueSize];
    const boosts =
      round % 2 === 0
        ? null
        : Float32Array.from({ length: catalogueSize }, (_, item) => ((item * 37) % 11) / 4 - 1);
    const limit = 1 + (round % 12);
    const outcome = recommend(engine, { history, limit, boosts });
    assert.equal(outcome.ok, true, outcome.message);
    assert.equal(outcome.exact, true);
    nodesRun += outcome.nodesRun;
    const found = [...outcome.items].map((_, i) => [
      outcome.scores[i],
      outcome.logProbabilities[i],
    ]);
    const expected = bestByScoring(engine, { history, boosts, limit });
    assert.deepEqual(found, expected);
  }
  assert(nodesRun > 20);
  engine.delete();
});

const testThreads = hasThreads ? test : () => {};

testThreads("any number of threads answers alike", async () => {
  const { module } = await start();
  const engine = await loadEngine(module, "quantized");
  const answers = [1, 2, 3, 2, 1].map((count) => {
    engine.useThreads(count);
    const lists = [recommend(engine), recommend(engine, { history: [1, 2, 3], search: "beam" })];
    return lists.map(({ items, scores }) => [items, scores]);
  });
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
  engine.delete();
});

test("leaveOneOut scores the item after the history without each entry", async () => {
  const { module } = await start();
  const engine = await loadEngine(module, "low-rank");
  const history = [4, 8, 15];
  const outcome = engine.leaveOneOut(Int32Array.from(history), 16);
  assert.equal(outcome.ok, true, outcome.message);
  const expected = history.map((_, left) => {
    const others = Int32Array.from(history.filter((_, i) => i !== left));
    return engine.scoreItems(others, Int32Array.of(16)).logProbabilities[0];
  });
  assert.deepEqual([...outcome.logProbabilities], expected);
  assertRefused(engine.leaveOneOut(Int32Array.of(4), 16), "empty-history", /at least two/);
  assertRefused(engine.leaveOneOut(Int32Array.of(4, 8), 1.5), "invalid-request", /item: 1\.5/);
  assertRefused(engine.leaveOneOut(Int32Array.of(4, 8), 60), "unknown-item", /item\[0\]: item 60/);
  engine.delete();
});

test("results are copies: a heap that moves does not change them", async () => {
  const { module, memory } = await start();
  const engine = await loadEngine(module, "dense");
  const outcome = recommend(engine);
  assert.equal(outcome.items.buffer.byteLength, outcome.items.byteLength);
  assert.equal(outcome.scores.buffer.byteLength, outcome.scores.byteLength);
  const before = [[...outcome.items], [...outcome.scores]];
  const bytesBefore = memory.buffer.byteLength;
  engine.addShard("large", new Uint8Array(64 * 1024 * 1024));
  assert(memory.buffer.byteLength > bytesBefore);
  assert.deepEqual([[...outcome.items], [...outcome.scores]], before);
  assert.deepEqual([...recommend(engine).items], before[0]);
  engine.delete();
});

test("a shard is copied in: the page may reuse its buffer", async () => {
  const { module } = await start();
  const bytes = new Uint8Array(await readShard("dense"));
  const engine = new module.Engine();
  engine.addShard(shardName, bytes.subarray(0));
  bytes.fill(0);
  assert.deepEqual(engine.load(), { ok: true });
  engine.delete();
});

test("errors are values, and the engine goes on", async () => {
  const { module } = await start();
  const engine = new module.Engine();
  assertRefused(recommend(engine), "invalid-request", /no model is loaded/);
  assertRefused(engine.load(), "truncated-file", /no shards/);
  engine.addShard(shardName, (await readShard("dense")).subarray(0, 1000));
  assertRefused(engine.load(), "truncated-file", /model-00001-of-00001/);
  engine.addShard("model-00001-of-00001.safetensors", await readShard("dense"));
  assert.deepEqual(engine.load(), { ok: true });

  assertRefused(recommend(engine, { history: [] }), "empty-history", /history/);
  assertRefused(recommend(engine, { history: [60] }), "unknown-item", /history\[0\]: item 60/);
  assertRefused(recommend(engine, { exclude: Int32Array.of(-1) }), "unknown-item", /exclude/);
  assertRefused(recommend(engine, { history: Array(10_001).fill(1) }), "history-too-long", /10001/);
  for (const limit of [0, -1, 1001, 1.5, NaN, Infinity, 2 ** 32 + 5]) {
    assertRefused(recommend(engine, { limit }), "invalid-request", /limit/);
    assertRefused(recommend(engine, { beamWidth: limit }), "invalid-request", /beam_?width/i);
  }
  assertRefused(recommend(engine, { search: "wide" }), "invalid-request", /search: wide/);
  assertRefused(recommend(engine, { search: 1 }), "invalid-request", /search: not a string/);
  assertRefused(recommend(engine, { maxProofNodes: 0 }), "invalid-request", /max_proof_nodes: 0/);
  const short = new Float32Array(59);
  assertRefused(recommend(engine, { boosts: short }), "invalid-request", /boosts: 59 numbers/);
  const bad = new Float32Array(60).fill(1, 0, 59).fill(-Infinity, 59);
  assertRefused(recommend(engine, { boosts: bad }), "invalid-request", /boosts\[59\]: -inf/);
  assertRefused(engine.scoreItems(Int32Array.of(1), Int32Array.of(60)), "unknown-item", /items/);
  assert.equal(recommend(engine, { allow: none }).items.length, 0);
  assert.equal(recommend(engine).items.length, 10);
  engine.delete();
});

test("delete() gives the memory back", async () => {
  const { module, memory } = await start();
  const useOnce = async () => {
    const engine = await loadEngine(module, "dense");
    engine.addShard("large", new Uint8Array(8 * 1024 * 1024));
    assert.equal(recommend(engine).ok, true);
    engine.delete();
  };
  for (let i = 0; i < 5; ++i) await useOnce();  // the heap finds its size
  const bytes = memory.buffer.byteLength;
  for (let i = 0; i < 20; ++i) await useOnce();
  assert.equal(memory.buffer.byteLength, bytes);
});
