// Drives the benchmark's page: loads, checks, measures, one model after another.
import { compareRankings, compareTokens, ROUNDED, SAME_SCORE } from './compare.mjs';
import { CASES, contenders, makeHistories, scaledRuns } from './plan.mjs';
import { checkHistories, firstLevel, itemIds, nativeRanking } from './prepare.mjs';
import { summarize } from './statistics.mjs';

const MOST_WARM_UPS = 10;
const FIRST_TOKENS = 40; // of which the reference's first ten must be some

/** Calls a function of the page's globalThis.bench. */
function inPage(page) {
  return (name, ...parameters) =>
    page.evaluate(([method, given]) => globalThis.bench[method](...given), [name, parameters]);
}

export class ModelBenchmark {
  #call;
  #model;
  #runs;
  #say;

  /**
   * @param {import("playwright-core").Page} page that shows the benchmark's site
   * @param {object} model of plan.mjs
   * @param {{share: number, say: (text: string) => void}} options share of the usual runs
   */
  constructor(page, model, { share, say }) {
    this.#call = inPage(page);
    this.#model = model;
    this.#runs = scaledRuns(model.runs, share);
    this.#say = (text) => say(`${model.name}: ${text}`);
  }

  /** @returns {Promise<object>} the model's part of the results */
  async measure(engines, cases) {
    const skipped = [];
    const chosen = await this.#openAll(contenders(this.#model, engines), skipped);
    const results = await this.#check(chosen, skipped);
    if (results.length === 0) return { name: this.#model.name, contenders: [], skipped };
    for (const kind of CASES.filter((one) => cases.includes(one))) await this.#time(kind, results);
    for (const result of results) {
      result.memory_bytes = await this.#call('memory', result.name);
      await this.#call('close', result.name);
    }
    if (cases.includes('load')) await this.#timeLoads(results);
    return { name: this.#model.name, contenders: results, skipped };
  }

  #skip(skipped, name, why) {
    this.#say(`SKIPPED: ${name}: ${why}`);
    skipped.push({ name, why });
  }

  async #openAll(candidates, skipped) {
    const opened = [];
    for (const contender of candidates) {
      this.#say(`loading ${contender.name}`);
      const why = await this.#call('open', contender);
      if (why === undefined) opened.push(contender);
      else this.#skip(skipped, contender.name, why);
    }
    return opened;
  }

  /** Only those that answer as the reference are measured; the others are in `skipped`. */
  async #check(opened, skipped) {
    const results = [];
    const references = new Map();
    for (const contender of opened) {
      const { directory } = contender;
      if (!references.has(directory)) references.set(directory, await this.#reference(directory));
      const check = await this.#checkOne(contender, references.get(directory));
      if (check.error === undefined) {
        results.push({ ...contender, check, cases: {} });
        continue;
      }
      this.#skip(skipped, contender.name, `answers otherwise than the reference: ${check.error}`);
      await this.#call('close', contender.name);
    }
    return results;
  }

  async #reference(directory) {
    this.#say(`asking the native tool about ${directory}`);
    const ids = await itemIds(this.#model, directory);
    const histories = await checkHistories(this.#model, directory);
    const rankings = [];
    for (const history of histories) {
      rankings.push(await nativeRanking(this.#model, directory, ids, history));
    }
    return { histories, rankings };
  }

  async #checkOne({ name, engine, directory, weights }, { histories, rankings }) {
    if (engine === 'wllama') return this.#checkTokens(name, directory, weights, histories);
    const exact = engine === 'halfling';
    const score = exact ? 0 : SAME_SCORE;
    const total = { histories: histories.length, score, swaps: 0, difference: 0 };
    for (const [number, history] of histories.entries()) {
      const actual = await this.#call('ask', name, history);
      const compared = compareRankings(rankings[number], actual, score);
      total.swaps += compared.swaps;
      total.difference = Math.max(total.difference, compared.difference);
      if (compared.error) return { ...total, error: compared.error };
    }
    return total;
  }

  async #checkTokens(name, directory, weights, histories) {
    const score = ROUNDED[weights];
    const total = { histories: histories.length, score, difference: 0 };
    const wanted = await firstLevel(this.#model, directory);
    for (const [number, history] of histories.entries()) {
      const actual = await this.#call('askFirstLevel', name, history, FIRST_TOKENS);
      const compared = compareTokens(wanted[number], actual, score);
      total.difference = Math.max(total.difference, compared.difference);
      if (compared.error) return { ...total, error: compared.error };
    }
    return total;
  }

  async #time(kind, results) {
    const runs = this.#runs[kind];
    const warmUps = Math.min(MOST_WARM_UPS, Math.floor(runs / 10)); // the checks have warmed it too
    this.#say(`${kind}: ${runs} rounds of ${results.length} contenders`);
    const names = results.map(({ name }) => name);
    const items = (await itemIds(this.#model, results[0].directory)).length;
    const histories = makeHistories(warmUps + runs, items, 100);
    const times = new Map(
      names.map((name) => [name, { engine: [], page: [], decoded: undefined }]),
    );
    for (const [number, history] of histories.entries()) {
      const round = await this.#call('round', names, kind, history, number);
      if (number < warmUps) continue;
      for (const [name, { milliseconds, page, decoded }] of Object.entries(round)) {
        times.get(name).engine.push(milliseconds);
        times.get(name).page.push(page);
        times.get(name).decoded = decoded;
      }
    }
    for (const result of results) {
      const { engine, page, decoded } = times.get(result.name);
      result.cases[kind] = {
        runs,
        engine_ms: summarize(engine),
        page_ms: summarize(page),
        ...(decoded && { decoded_tokens: decoded }),
      };
    }
  }

  async #timeLoads(results) {
    this.#say(`load: ${this.#runs.load} rounds`);
    const times = new Map(results.map(({ name }) => [name, []]));
    const items = (await itemIds(this.#model, results[0].directory)).length;
    for (const history of makeHistories(this.#runs.load, items, 200)) {
      for (const { check, cases, memory_bytes, ...contender } of results) {
        times.get(contender.name).push(await this.#call('load', contender, history));
      }
    }
    for (const result of results) {
      result.load = { runs: this.#runs.load, page_ms: summarize(times.get(result.name)) };
    }
  }
}
