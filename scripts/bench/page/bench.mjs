// The page's side of the benchmark: loads engines, asks them, and takes their times. Node drives it
// (scripts/bench/browser.mjs) and reads globalThis.bench.
import { CREATE, FILES } from './engines.mjs';
import { withProbe } from './workers.mjs';

// Before each turn, so that no thread still spins for the turn before.
const PAUSE_MS = 25;
const SHORT_HISTORY = 10;

const inMemory = new Map(); // address -> {bytes, type}
const opened = new Map(); // name of a contender -> {engine, memory}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** Copies of an engine's files, since a worker takes them for good. */
async function filesOf(contender) {
  const files = new Map();
  for (const path of await FILES[contender.engine](contender)) {
    const address = new URL(path, document.baseURI).href;
    if (!inMemory.has(address)) {
      const response = await fetch(address);
      if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
      const type = response.headers.get('content-type');
      inMemory.set(address, { bytes: await response.arrayBuffer(), type });
    }
    const { bytes, type } = inMemory.get(address);
    files.set(address, { bytes: bytes.slice(0), type });
  }
  return files;
}

async function start(contender) {
  const files = await filesOf(contender);
  const blobs = new Map([...files].filter(([address]) => address.endsWith('.gguf')));
  for (const [address, file] of blobs) {
    files.delete(address); // wllama hands its worker the model piece by piece
    file.blob = new Blob([file.bytes]);
  }
  await pause();
  const began = performance.now();
  const create = () => CREATE[contender.engine](contender, blobs);
  const [engine, memory] = await withProbe(files, create);
  return { engine, memory, began };
}

/** Milliseconds from an engine's bytes in memory to its first answer. */
async function load(contender, history) {
  const { engine, began } = await start(contender);
  await engine.recommend(history);
  const milliseconds = performance.now() - began;
  await engine.dispose();
  return milliseconds;
}

/** Whether it opened; else why it is not there. */
async function open(contender) {
  try {
    opened.set(contender.name, await start(contender));
    return undefined;
  } catch (error) {
    return String(error?.message ?? error);
  }
}

async function close(name) {
  await opened.get(name).engine.dispose();
  opened.delete(name);
}

const ask = (name, history) => opened.get(name).engine.recommend(history);
const askFirstLevel = (name, history, count) => opened.get(name).engine.firstLevel(history, count);
const memory = (name) => opened.get(name).memory();

/** Each case gets ready, untimed, and returns what is timed: a number of recommendations. */
const CASES = {
  cold: async (engine, history) => () => [engine.recommend(history)],
  warm: async (engine, history) => {
    await engine.recommend(history.slice(0, SHORT_HISTORY));
    return () => [engine.recommend(history.slice(0, SHORT_HISTORY + 1))];
  },
  explain: async (engine, history) => {
    // The newest first: the next one's prompt then begins as this one's does.
    const parts = history.map((_, left) => history.filter((_, item) => item !== left)).reverse();
    return async () => {
      const answers = [];
      for (const part of parts) answers.push(await engine.recommend(part));
      return answers;
    };
  },
};

/**
 * One turn of one case.
 * @returns {Promise<{milliseconds: number, page: number, decoded?: number[]}>} in the engine, and
 *   from call to answer in the page
 */
async function turn(name, kind, history) {
  const { engine } = opened.get(name);
  const run = await CASES[kind](engine, history);
  await pause();
  const began = performance.now();
  const answers = await Promise.all(await run());
  const page = performance.now() - began;
  const milliseconds = answers.reduce((sum, answer) => sum + answer.milliseconds, 0);
  return { milliseconds, page, decoded: answers[0].decoded };
}

/** A round: every contender's turn, each round another one first. */
async function round(names, kind, history, number) {
  const results = {};
  for (let i = 0; i < names.length; i++) {
    const name = names[(i + number) % names.length];
    results[name] = await turn(name, kind, history);
  }
  return results;
}

globalThis.bench = { load, open, close, ask, askFirstLevel, memory, round };
