// The engines behind one interface: each function of CREATE resolves to {recommend, dispose}, where
// recommend(history of item indices) resolves to {items, scores, milliseconds, decoded}. The
// milliseconds are those that the engine took within its worker; decoded, where an engine tells, is how
// many tokens its model ran, in one number or one for each pass.
import { createRecommender } from '/dist/index.js';
import { LoggerWithoutDebug, Wllama } from '/npm/@wllama/wllama/esm/index.js';

import { promptTokens } from './prompt.mjs';

const ORT_WASM = '/npm/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm';
const WLLAMA_WASM = '/npm/@wllama/wllama/esm/wasm/wllama.wasm';
export const LIMIT = 10;
export const BEAM_WIDTH = 20;

const descriptions = new Map(); // of the models that wllama runs, from their model.json

/** What each engine reads, so that it can be in memory before the clock starts. */
export const FILES = {
  halfling: async ({ model, simd, threads }) => {
    const manifest = await (await fetch(`/models/${model}/manifest.json`)).json();
    const names = ['manifest.json', ...manifest.files.map(({ path }) => path)];
    const wasm = ['halfling', simd === 'relaxed' && '-relaxed', threads > 1 && '-threads'];
    const file = `${wasm.filter(Boolean).join('')}.wasm`;
    return [...names.map((name) => `/models/${model}/${name}`), `/dist/${file}`];
  },
  'onnxruntime-web': async ({ model }) => [
    ...['model.onnx', 'model.json'].map((name) => `/rivals/${model}/${name}`),
    ORT_WASM,
  ],
  wllama: async ({ model, weights }) => {
    descriptions.set(model, await (await fetch(`/rivals/${model}/model.json`)).json());
    return [`/rivals/${model}/model-${weights}.gguf`, WLLAMA_WASM];
  },
};

export const CREATE = { halfling, 'onnxruntime-web': onnxruntime, wllama };

async function halfling({ model, simd, threads }) {
  const recommender = await createRecommender({
    model: `/models/${model}/`,
    simd,
    threads,
    cache: false, // each load is measured from the same state
  });
  if (recommender.info.threads !== threads) {
    recommender.dispose();
    throw new Error(`the package offers no ${threads} threads here`);
  }
  const indices = new Map(recommender.items.map(({ id }, index) => [id, index]));
  return {
    async recommend(history) {
      const ranked = await recommender.recommend({
        history: history.map((item) => recommender.items[item].id),
        limit: LIMIT,
        beamWidth: BEAM_WIDTH,
      });
      return {
        items: ranked.map(({ id }) => indices.get(id)),
        scores: ranked.map(({ score }) => score),
        milliseconds: recommender.lastCall.milliseconds,
        decoded: [recommender.lastCall.tokensRun],
      };
    },
    dispose: () => recommender.dispose(),
  };
}

async function onnxruntime({ model, threads }) {
  const worker = new Worker(new URL('./ort-worker.mjs', import.meta.url));
  const waiting = new Map();
  worker.addEventListener('message', ({ data }) => {
    const { resolve, reject } = waiting.get(data.call) ?? {};
    waiting.delete(data.call);
    if (data.error === undefined) resolve?.(data.value);
    else reject?.(new Error(data.error));
  });
  worker.addEventListener('error', (event) => {
    for (const { reject } of waiting.values()) reject(new Error(event.message));
  });
  let calls = 0;
  const call = (method, parameters) =>
    new Promise((resolve, reject) => {
      waiting.set(++calls, { resolve, reject });
      worker.postMessage({ call: calls, method, parameters });
    });
  const address = (path) => new URL(path, document.baseURI).href;
  await call('load', {
    model: address(`/rivals/${model}/model.onnx`),
    description: address(`/rivals/${model}/model.json`),
    wasm: address(ORT_WASM),
    threads,
  });
  return {
    recommend: (history) => call('recommend', { history, limit: LIMIT, width: BEAM_WIDTH }),
    dispose: () => worker.terminate(),
  };
}

/**
 * Costs only: wllama's interface takes prompts, not beams. A recommendation is one completion for the
 * prompt and one for each further level, whose prompt has one more token for each beam; what came
 * before is in its cache, so that llama.cpp decodes as many tokens at once as a beam search would.
 * The time is what llama.cpp itself says of the prompts, without sampling and JSON.
 */
async function wllama({ model, weights, threads }, files) {
  const description = descriptions.get(model);
  const engine = new Wllama(
    { default: new URL(WLLAMA_WASM, document.baseURI).href },
    { suppressNativeLog: true, logger: LoggerWithoutDebug },
  );
  const gguf = files.get(new URL(`/rivals/${model}/model-${weights}.gguf`, document.baseURI).href);
  await engine.loadModel([gguf.blob], {
    n_ctx: 256,
    n_threads: threads,
    n_gpu_layers: 0,
    n_parallel: 1,
  });
  if (engine.getNumThreads() !== threads) throw new Error(`wllama has no ${threads} threads here`);
  const levels = Math.max(...description.codes.map((code) => code.length));
  const beamTokens = (level) => {
    const codes = description.codes.filter((code) => code.length > level);
    return Array.from({ length: BEAM_WIDTH }, (_, beam) => codes[beam % codes.length][level]);
  };
  const complete = async (tokens, logprobs) =>
    engine.createCompletion({
      prompt: tokens.map((token) => `<${token}>`).join(''),
      max_tokens: 1,
      temperature: 0,
      ...(logprobs && { logprobs }),
    });
  return {
    async recommend(history) {
      let tokens = promptTokens(description, history);
      let milliseconds = 0;
      const decoded = [];
      for (let level = 0; level < levels; level++) {
        if (level > 0) tokens = [...tokens, ...beamTokens(level - 1)];
        const { timings } = await complete(tokens);
        milliseconds += timings.prompt_ms;
        decoded.push(timings.prompt_n);
      }
      return { items: [], scores: [], milliseconds, decoded };
    },
    async firstLevel(history, count) {
      const { choices } = await complete(promptTokens(description, history), count);
      return choices[0].logprobs.content[0].top_logprobs.map(({ id, logprob }) => ({
        token: id,
        log_prob: logprob,
      }));
    },
    dispose: () => engine.exit(),
  };
}
