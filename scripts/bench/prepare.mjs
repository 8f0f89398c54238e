// Makes what the benchmark reads, under build/bench: the other engines' packages and each model in
// each engine's format. Each is made again only where it is older than what it is made of.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { isNewer, PYTHON } from '../lib/build.mjs';
import { mustRun, ROOT } from '../lib/command.mjs';
import { makeHistories } from './plan.mjs';

const TOOL = 'build/native/compressor/halfling';
const BENCH = 'build/bench';
export const FOLDERS = {
  '/bench/': path.join(ROOT, 'scripts/bench/page'),
  '/dist/': path.join(ROOT, 'web/dist'),
  '/models/': path.join(ROOT, BENCH, 'models'),
  '/rivals/': path.join(ROOT, BENCH, 'rivals'),
  '/npm/': path.join(ROOT, BENCH, 'node_modules'),
};

/** The packages exactly as scripts/bench/package-lock.json has them; no script of theirs runs. */
export async function installPackages() {
  const inputs = ['.npmrc', 'package.json', 'package-lock.json'];
  const sources = inputs.map((name) => `scripts/bench/${name}`);
  if (await isNewer(`${BENCH}/node_modules/.package-lock.json`, sources)) return;
  await mkdir(path.join(ROOT, BENCH), { recursive: true });
  for (const name of inputs) {
    await copyFile(path.join(ROOT, 'scripts/bench', name), path.join(ROOT, BENCH, name));
  }
  await mustRun(['npm', 'ci', '--ignore-scripts', '--prefix', BENCH], { quiet: true });
}

/** @returns {Promise<string>} the version of a package that was installed */
export async function installedVersion(name) {
  const file = path.join(FOLDERS['/npm/'], name, 'package.json');
  return JSON.parse(await readFile(file, 'utf8')).version;
}

/** A model's checkpoint, model directories and the other engines' files. */
export async function prepareModel(model) {
  await prepareCheckpoint(model);
  for (const [name, { arguments: options }] of Object.entries(model.directories)) {
    const output = `${BENCH}/models/${model.name}-${name}`;
    if (await isNewer(`${output}/manifest.json`, [model.checkpoint, TOOL])) continue;
    const command = [TOOL, 'compress', model.checkpoint, output, '--evaluate-users', '0'];
    await mustRun([...command, ...options], { quiet: true });
  }
  for (const name of new Set([...model.onnx, ...(model.gguf ? [model.gguf] : [])])) {
    await prepareRivals(model, name);
  }
}

async function prepareCheckpoint({ name, checkpoint, random, optional }) {
  if (!random) {
    const description = path.join(ROOT, checkpoint, 'recommender.json');
    await readFile(description).catch(() => {
      throw new Error(`${checkpoint}: no such checkpoint; ${optional}`);
    });
    return;
  }
  const maker = 'scripts/make_random_checkpoint.py';
  if (await isNewer(`${checkpoint}/interactions.json`, [maker])) return;
  console.log(`${name}: making a checkpoint of random weights`);
  await mustRun([PYTHON, maker, '--output', checkpoint, ...random.split(' ')]);
}

async function prepareRivals(model, name) {
  const directory = `${BENCH}/models/${model.name}-${name}`;
  const output = `${BENCH}/rivals/${model.name}-${name}`;
  const makers = ['scripts/make_rival_models.py', 'scripts/rival_models', 'scripts/bench/plan.mjs'];
  if (await isNewer(`${output}/model.json`, [directory, ...makers])) return;
  const histories = `${output}/histories.json`;
  await mkdir(path.join(ROOT, output), { recursive: true });
  const chosen = await checkHistories(model, name);
  await writeFile(path.join(ROOT, histories), JSON.stringify(chosen));
  const command = [PYTHON, makers[0], directory, output, '--histories', histories];
  const gguf = name === model.gguf ? ['--gguf', 'f16', 'q8_0'] : [];
  await mustRun([...command, ...gguf], { quiet: true });
}

/** The catalogue's ids of a model, by index. */
export async function itemIds(model, name) {
  const file = path.join(FOLDERS['/models/'], `${model.name}-${name}`, 'catalog.json');
  return JSON.parse(await readFile(file, 'utf8')).items.map(({ id }) => id);
}

/** The histories that every engine must answer as the reference does. */
export async function checkHistories(model, name) {
  return makeHistories(model.runs.check, (await itemIds(model, name)).length, 7);
}

/** By PyTorch: of each history of `checkHistories`, the likeliest tokens to come next. */
export async function firstLevel(model, name) {
  const file = path.join(FOLDERS['/rivals/'], `${model.name}-${name}`, 'model.json');
  return JSON.parse(await readFile(file, 'utf8')).first_level;
}

/** The reference: the native tool's answer, twice as many items as are compared. */
export async function nativeRanking(model, name, ids, history) {
  const directory = `${BENCH}/models/${model.name}-${name}`;
  const chosen = history.map((item) => ids[item]).join(',');
  const command = [TOOL, 'recommend', directory, '--json', '--search', 'beam', '--history', chosen];
  const { output } = await mustRun([...command, '--limit', '20'], { quiet: true });
  const { items } = JSON.parse(output);
  return {
    items: items.map(({ index }) => index),
    scores: items.map(({ score }) => Math.fround(score)),
  };
}
