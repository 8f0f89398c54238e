// The benchmark's parts that need no browser.
import assert from 'node:assert/strict';
import test from 'node:test';

import { ModelBenchmark } from '../../scripts/bench/browser.mjs';
import { compareRankings, compareTokens } from '../../scripts/bench/compare.mjs';
import { commonLength, promptTokens } from '../../scripts/bench/page/prompt.mjs';
import { beamSearch, Trie } from '../../scripts/bench/page/trie.mjs';
import { CASES, contenders, makeHistories, MODELS, scaledRuns } from '../../scripts/bench/plan.mjs';
import { summarize } from '../../scripts/bench/statistics.mjs';

const EXPECTED = { items: [5, 3, 8, 1], scores: [-1, -2, -2.01, -4] };
const STRICT = 1e-3;

test('the same ranking passes, with the largest difference told', () => {
  const actual = { items: [5, 3, 8], scores: [-1, -2.0005, -2.01] };
  const { error, swaps, difference } = compareRankings(EXPECTED, actual, STRICT);
  assert.equal(error, undefined);
  assert.equal(swaps, 0);
  assert.ok(Math.abs(difference - 5e-4) < 1e-9);
});

test('a model that none of the engines runs has no figures, and stops nothing', async () => {
  const model = MODELS.find(({ onnx, gguf }) => onnx.length === 0 && !gguf);
  const benchmark = new ModelBenchmark({}, model, { share: 1, say: () => {} });
  const result = await benchmark.measure(['onnxruntime-web', 'wllama'], [...CASES, 'load']);
  assert.deepEqual(result, { name: model.name, contenders: [], skipped: [] });
});

test('another order, another item or another score fails, and is named', () => {
  const swapped = { items: [5, 8, 3], scores: [-1, -2.01, -2] };
  assert.match(
    compareRankings(EXPECTED, swapped, STRICT).error,
    /item 8 at rank 2: .* at 3, 0.0100/,
  );
  const unknown = { items: [5, 7], scores: [-1, -2] };
  assert.match(compareRankings(EXPECTED, unknown, STRICT).error, /item 7 .* does not list it/);
  const off = { items: [5], scores: [-1.5] };
  assert.match(compareRankings(EXPECTED, off, STRICT).error, /score differs by 0.5000/);
});

test('near ties may swap where the tolerance says so', () => {
  const swapped = { items: [5, 8, 3], scores: [-1, -2.01, -2] };
  const { error, swaps } = compareRankings(EXPECTED, swapped, 0.02);
  assert.equal(error, undefined);
  assert.equal(swaps, 2);
});

test('token probabilities are compared by token', () => {
  const expected = [{ token: 4, log_prob: -1 }];
  const close = [
    { token: 2, log_prob: -0.9 },
    { token: 4, log_prob: -1.01 },
  ];
  assert.equal(compareTokens(expected, close, 0.02).error, undefined);
  assert.match(compareTokens(expected, close, 0.001).error, /differs by 0.0100/);
  assert.match(compareTokens(expected, [], 1).error, /token 4 is not among/);
});

test('quantiles', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual(summarize(values), { median: 51, p10: 11, p90: 91, p99: 100 });
  assert.deepEqual(summarize([3]), { median: 3, p10: 3, p90: 3, p99: 3 });
});

test('every engine has its variants, each under a name of its own', () => {
  for (const model of MODELS) {
    const all = contenders(model);
    assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
    const own = all.filter(({ engine }) => engine === 'halfling');
    assert.equal(own.length, 4 * (model.ours ?? Object.keys(model.directories)).length);
    assert.deepEqual(contenders(model, ['halfling']), own);
  }
});

test('a share of the runs is once at least', () => {
  assert.deepEqual(scaledRuns({ cold: 300, load: 3 }, 0.1), { cold: 30, load: 1 });
});

test('histories are of distinct items and the same each time', () => {
  const histories = makeHistories(50, 30);
  assert.deepEqual(histories, makeHistories(50, 30));
  for (const history of histories) {
    assert.equal(new Set(history).size, 20);
    assert.ok(history.every((item) => item >= 0 && item < 30));
  }
});

test('prompts have the newest items only', () => {
  const prompt = { prefix: [0], separator: [9], suffix: [8], max_history: 2 };
  const codes = [[1, 2], [3, 4], [5]];
  assert.deepEqual(promptTokens({ prompt, codes }, [0, 1, 2]), [0, 3, 4, 9, 5, 8]);
  assert.equal(commonLength([0, 3, 4], [0, 3, 5, 6]), 2);
});

/** Logits that depend on all tokens of the path, so that a mixed-up parent shows. */
function logitsOf(path) {
  const seed = path.reduce((sum, token) => (sum * 31 + token * 17 + 7) % 1009, 1);
  return Float32Array.from({ length: 12 }, (_, token) => ((seed * (token + 3)) % 97) / 20);
}

/** The score of every item, code by code. */
function scoreAll(trie, codes) {
  return codes.map((code) => {
    let node = trie.root;
    let score = 0;
    code.forEach((token, level) => {
      const logits = logitsOf(code.slice(0, level));
      const sum = node.tokens.reduce((total, other) => total + Math.exp(logits[other]), 0);
      score += logits[token] - Math.log(sum);
      node = node.children[node.tokens.indexOf(token)];
    });
    return score;
  });
}

test('a beam wide enough finds the best of all items, without those excluded', async () => {
  const codes = [
    [1, 4, 8],
    [1, 5, 8],
    [2, 4, 9],
    [2, 4, 10],
    [3, 7, 8],
    [1, 4, 8],
    [3, 7],
    [2, 6, 11],
  ];
  const popularity = [1, 5, 2, 8, 3, 9, 4, 6];
  const trie = new Trie(codes, popularity);
  const scores = scoreAll(trie, codes);
  const excluded = [2, 4];
  const expected = codes
    .map((_, item) => item)
    .filter((item) => !excluded.includes(item))
    .sort((a, b) => scores[b] - scores[a] || popularity[b] - popularity[a]);
  let paths = [[]];
  const advance = async (parents, tokens) => {
    paths = tokens.map((token, i) => [...paths[parents[i]], token]);
    return Float32Array.from(paths.flatMap((path) => [...logitsOf(path)]));
  };
  const options = { limit: 5, width: 20, exclude: excluded };
  const found = await beamSearch(trie, options, logitsOf([]), advance);
  assert.deepEqual(found.items, expected.slice(0, 5));
  found.items.forEach((item, rank) => {
    assert.ok(Math.abs(found.scores[rank] - scores[item]) < 1e-5);
  });
});
