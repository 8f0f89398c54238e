// What is measured: models, the engines that run each of them, and how often.

export const ENGINES = ['halfling', 'onnxruntime-web', 'wllama'];
export const CASES = ['cold', 'warm', 'explain'];
export const HISTORY = 20;
const THREADS = [1, 2];
const GGUF = ['f16', 'q8_0'];

// `directories`: what `halfling compress` makes of the checkpoint; Halfling runs those named in `ours`,
// onnxruntime-web those in `onnx`, all in f32, so that their answers are the native tool's; wllama
// runs `gguf`, where there is one. `runs` are rounds of every case. `optional`: how to make the
// checkpoint, which no set-up makes everywhere; without it the model is left out.
export const MODELS = [
  {
    name: 'instruments',
    optional: 'docs/training.md tells where its data goes',
    checkpoint: 'build/checkpoints/instruments',
    directories: {
      dense: { method: 'none', arguments: ['--method', 'none', '--dtype', 'f32'] },
      half: { method: 'halfling', arguments: ['--keep', '0.5', '--dtype', 'int8'] },
      'half-f32': { method: 'halfling', arguments: ['--keep', '0.5', '--dtype', 'f32'] },
      quarter: { method: 'halfling', arguments: ['--keep', '0.25', '--dtype', 'int8'] },
    },
    ours: ['dense', 'half', 'quarter'],
    onnx: ['dense', 'half-f32'],
    gguf: 'dense',
    runs: { cold: 300, warm: 300, explain: 20, load: 7, check: 20 },
  },
  {
    name: 'smollm2-135m-random',
    random: '--hidden 576 --ffn 1536 --layers 30 --heads 9 --kv-heads 3 --items 10000',
    checkpoint: 'build/bench/checkpoints/smollm2-135m-random',
    directories: {
      dense: { method: 'none', arguments: ['--method', 'none', '--dtype', 'f32'] },
      int8: { method: 'int8', arguments: ['--method', 'int8', '--calibration-users', '32'] },
    },
    ours: ['int8'],
    onnx: ['dense'],
    gguf: 'dense',
    runs: { cold: 15, warm: 15, explain: 2, load: 3, check: 3 },
  },
  {
    name: 'instruments-smollm2',
    optional: 'docs/language-model.md tells how to make it',
    checkpoint: 'build/checkpoints/instruments-smollm2',
    // What the others take for a model of this size, the random one tells.
    directories: {
      int8: { method: 'int8', arguments: ['--method', 'int8', '--calibration-users', '400'] },
      half: { method: 'halfling', arguments: ['--keep', '0.5', '--calibration-users', '400'] },
      quarter: { method: 'halfling', arguments: ['--keep', '0.25', '--calibration-users', '400'] },
    },
    onnx: [],
    runs: { cold: 60, warm: 60, explain: 5, load: 5, check: 5 },
  },
];

/**
 * Every engine's variants for a model.
 * @returns {{name: string, engine: string, directory: string, model: string, threads: number,
 *   simd?: string, weights: string}[]} `model` is the folder's name under build/bench/models
 */
export function contenders(model, engines = ENGINES) {
  const folder = (directory) => `${model.name}-${directory}`;
  const all = [];
  for (const threads of THREADS) {
    for (const directory of model.ours ?? Object.keys(model.directories)) {
      for (const simd of ['baseline', 'relaxed']) {
        all.push({ engine: 'halfling', directory, simd, threads });
      }
    }
    for (const directory of model.onnx) {
      all.push({ engine: 'onnxruntime-web', directory, weights: 'f32', threads });
    }
    for (const weights of model.gguf ? GGUF : []) {
      all.push({ engine: 'wllama', directory: model.gguf, weights, threads });
    }
  }
  return all
    .filter(({ engine }) => engines.includes(engine))
    .map((one) => ({ ...one, name: nameOf(one), model: folder(one.directory) }));
}

function nameOf({ engine, directory, simd, weights, threads }) {
  return [engine, directory, simd, weights, `${threads}t`].filter(Boolean).join(' ');
}

/** How often a case is run when only a share of the runs is wanted: once at least. */
export function scaledRuns(runs, share) {
  return Object.fromEntries(
    Object.entries(runs).map(([kind, count]) => [kind, Math.max(1, Math.round(count * share))]),
  );
}

/**
 * Histories of distinct items, the same each time for a seed.
 * @returns {number[][]} item indices, oldest first
 */
export function makeHistories(count, items, seed = 1) {
  let state = seed;
  const below = (bound) => {
    state = (state * 48271) % 2147483647;
    return state % bound;
  };
  return Array.from({ length: count }, () => {
    const history = new Set();
    while (history.size < Math.min(HISTORY, items)) history.add(below(items));
    return [...history];
  });
}
