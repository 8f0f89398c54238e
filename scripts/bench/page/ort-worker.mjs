// onnxruntime-web's side: the same session cache and beam search as Halfling has, over model.onnx
// (scripts/rival_models/onnx_graph.py).
//
// The prompt's keys and values are given to every run as they are: beams share them uncopied, and a
// prompt that begins like the one before only runs what is new. What onnxruntime-web copies itself,
// between its heap and JavaScript's, its API leaves no way around.
import * as ort from '/npm/onnxruntime-web/dist/ort.wasm.bundle.min.mjs';

import { commonLength, promptTokens } from './prompt.mjs';
import { beamSearch, Trie } from './trie.mjs';

const HIDDEN = -1e9; // added to the score of a token that must not be seen

class Decoder {
  #names; // of the cache's parts: key.0, value.0, …

  constructor(session, model) {
    this.session = session;
    this.model = model;
    const layers = Array.from({ length: model.layers }, (_, layer) => layer);
    this.#names = layers.flatMap((layer) => [`key.${layer}`, `value.${layer}`]);
  }

  emptyCache() {
    return this.#names.map(() => this.#part(new Float32Array(0), 0));
  }

  #part(values, length) {
    const { kv_heads, head_dim } = this.model;
    return new ort.Tensor('float32', values, [1, kv_heads, length, head_dim]);
  }

  /** The first `length` tokens of a cache: the cache itself where it has no more. */
  trimmed(cache, length) {
    const { kv_heads, head_dim } = this.model;
    return cache.map((part) => {
      const whole = part.dims[2];
      if (whole === length) return part;
      const values = new Float32Array(kv_heads * length * head_dim);
      for (let head = 0; head < kv_heads; head++) {
        const first = head * whole * head_dim;
        const kept = part.data.subarray(first, first + length * head_dim);
        values.set(kept, head * length * head_dim);
      }
      return this.#part(values, length);
    });
  }

  /**
   * @param {object[]} cache the tokens before
   * @param {number[]} tokens [new]
   * @param {number[]} positions [new]
   * @param {number[]} rows whose logits are wanted
   * @param {Float32Array} bias [new, past + new]
   * @param {boolean} keep whether the new cache is wanted: to read it back costs a copy
   */
  async run(cache, tokens, positions, rows, bias, keep) {
    const integers = (values, shape) =>
      new ort.Tensor('int64', BigInt64Array.from(values, BigInt), shape);
    const total = bias.length / tokens.length;
    const feeds = {
      tokens: integers(tokens, [1, tokens.length]),
      positions: integers(positions, [1, tokens.length]),
      rows: integers(rows, [rows.length]),
      bias: new ort.Tensor('float32', bias, [1, 1, tokens.length, total]),
    };
    this.#names.forEach((name, i) => (feeds[`past_${name}`] = cache[i]));
    const results = await this.session.run(feeds, keep ? ['logits', ...this.#names] : ['logits']);
    return {
      logits: results.logits.data,
      cache: keep ? this.#names.map((name) => results[name]) : undefined,
    };
  }
}

class Recommender {
  #tokens = []; // of the last prompt, whose cache is #trunk
  #trunk;

  constructor(decoder, model) {
    this.decoder = decoder;
    this.model = model;
    this.trie = new Trie(model.codes, model.popularity);
    this.levels = Math.max(...model.codes.map((code) => code.length));
  }

  async recommend(history, limit, width) {
    const tokens = promptTokens(this.model, history);
    const logits = await this.#runPrompt(tokens);
    const advance = this.#beams(tokens.length);
    return beamSearch(this.trie, { limit, width, exclude: history }, logits, advance);
  }

  async #runPrompt(tokens) {
    const past = Math.min(commonLength(tokens, this.#tokens), tokens.length - 1);
    const before = past > 0 ? this.decoder.trimmed(this.#trunk, past) : this.decoder.emptyCache();
    const added = tokens.slice(past);
    const positions = added.map((_, i) => past + i);
    const bias = new Float32Array(added.length * tokens.length);
    added.forEach((_, i) => {
      const row = i * tokens.length;
      bias.fill(HIDDEN, row + past + i + 1, row + tokens.length);
    });
    const rows = [added.length - 1];
    const result = await this.decoder.run(before, added, positions, rows, bias, true);
    this.#tokens = tokens;
    this.#trunk = result.cache;
    return result.logits;
  }

  /** Advances beams level by level: all tokens of all levels are one sequence behind the prompt. */
  #beams(promptLength) {
    let cache = this.#trunk;
    let ancestors = []; // of each beam of the level before: its tokens' places behind the prompt
    let added = 0;
    let level = 0;
    return async (parents, tokens) => {
      const beams = parents.map((parent, i) => [...(ancestors[parent] ?? []), added + i]);
      const total = promptLength + added + tokens.length;
      const bias = new Float32Array(tokens.length * total);
      beams.forEach((seen, beam) => {
        const row = beam * total;
        bias.fill(HIDDEN, row + promptLength, row + total);
        for (const place of seen) bias[row + promptLength + place] = 0;
      });
      const positions = tokens.map(() => promptLength + level);
      const rows = tokens.map((_, i) => i);
      const keep = level + 2 < this.levels; // after the last level nothing needs the cache
      const result = await this.decoder.run(cache, tokens, positions, rows, bias, keep);
      [cache, ancestors] = [result.cache, beams];
      added += tokens.length;
      level++;
      return result.logits;
    };
  }
}

let recommender;
const methods = {
  async load({ model, description, threads, wasm }) {
    ort.env.wasm.numThreads = threads;
    ort.env.wasm.wasmPaths = { wasm };
    const bytes = new Uint8Array(await (await fetch(model)).arrayBuffer());
    const described = await (await fetch(description)).json();
    const session = await ort.InferenceSession.create(bytes, {
      executionProviders: ['wasm'],
      graphOptimizationLevel: 'all',
    });
    recommender = new Recommender(new Decoder(session, described), described);
  },
  async recommend({ history, limit, width }) {
    const start = performance.now();
    const ranked = await recommender.recommend(history, limit, width);
    return { ...ranked, milliseconds: performance.now() - start };
  },
};

addEventListener('message', async ({ data: { call, method, parameters } }) => {
  try {
    postMessage({ call, value: await methods[method](parameters) });
  } catch (error) {
    postMessage({ call, error: String(error?.message ?? error) });
  }
});
