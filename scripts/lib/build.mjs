// The build steps that the demo and the tests share. Each is skipped where its outputs are newer
// than its inputs: by Ninja for C++, by files' times for the rest.
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { mustRun, ROOT } from './command.mjs';

const CHECKPOINT = 'build/checkpoints/movielens';
export const WASM_PRESETS = ['wasm', 'wasm-relaxed', 'wasm-threads', 'wasm-relaxed-threads'];
export const PYTHON = '.venv/bin/python';
const HALFLING = 'build/native/compressor/halfling';
// What the page offers: the halved model, and the original in the same format to compare with.
const MODELS = [
  { output: 'build/models/movielens-half', options: ['--evaluate-users', 'all'] },
  {
    output: 'build/models/movielens-original',
    options: ['--method', 'none', '--evaluate-users', '0'],
  },
];

// What the page offers besides, where there is such a checkpoint: docs/language-model.md.
const LANGUAGE_MODEL = 'build/checkpoints/movielens-smollm2';
const LANGUAGE_MODELS = [
  {
    output: 'build/models/movielens-smollm2-half',
    options: ['--calibration-users', '500', '--evaluate-users', 'all'],
  },
  {
    output: 'build/models/movielens-smollm2-original',
    options: ['--method', 'none', '--evaluate-users', '0'],
  },
];

/** Installs what is missing; `options` are scripts/setup's. */
export async function setUp(...options) {
  await mustRun(['scripts/setup', ...options]);
}

/** Python packages that benchmarks, plots and their tests need; quick where they are there. */
export async function installPython(...requirements) {
  const install = [PYTHON, '-m', 'pip', 'install', '--disable-pip-version-check', '-q'];
  const files = requirements.flatMap((name) => ['-r', `scripts/requirements-${name}.txt`]);
  await mustRun([...install, ...files], { quiet: true });
}

/** What this process has built: asking CMake again takes seconds a preset. */
const built = new Set();

/**
 * @param {string} preset of CMakePresets.json: "native", "sanitize", one of WASM_PRESETS, …
 * @param {string[]} targets nothing: all of them
 */
export async function buildPreset(preset, targets = []) {
  const wanted = [preset, ...targets].join(' ');
  if (built.has(preset) || built.has(wanted)) return;
  const jobs = String(availableParallelism());
  await mustRun(['cmake', '--preset', preset], { quiet: true });
  const chosen = targets.length > 0 ? ['--target', ...targets] : [];
  await mustRun(['cmake', '--build', '--preset', preset, '-j', jobs, ...chosen], { quiet: true });
  built.add(wanted);
}

/** Compresses the MovieLens checkpoints, printing the comparisons of before and after. */
export async function compressModels() {
  await compressEach(CHECKPOINT, MODELS);
  if (existsSync(path.join(ROOT, LANGUAGE_MODEL, 'recommender.json'))) {
    await compressEach(LANGUAGE_MODEL, LANGUAGE_MODELS);
  }
}

async function compressEach(checkpoint, models) {
  for (const { output, options } of models) {
    if (await isNewer(`${output}/manifest.json`, [checkpoint, HALFLING])) continue;
    await mustRun([HALFLING, 'compress', checkpoint, output, ...options]);
  }
}

/** Builds the npm package, of all wasm variants. */
export async function buildPackage() {
  for (const preset of WASM_PRESETS) await buildPreset(preset, ['halfling_wasm']);
  const engines = WASM_PRESETS.flatMap((preset) =>
    ['wasm', 'mjs'].map((type) => `build/${preset}/wasm/halfling.${type}`),
  );
  const webInputs = ['src', 'scripts', 'package.json', 'tsconfig.base.json'];
  const web = [...webInputs.map((name) => `web/${name}`), 'package-lock.json', ...engines];
  if (!(await isNewer('web/dist/index.d.ts', web))) {
    await mustRun(['npm', 'run', 'build', '--workspace', 'web']);
  }
}

/** Builds the demo page over the built package. */
export async function buildPage() {
  const demoInputs = ['src', 'public/icons', 'index.html', 'vite.config.ts', 'package.json'];
  const demo = [...demoInputs.map((name) => `demo/${name}`), 'web/dist', 'build/models'];
  if (!(await isNewer('demo/dist/index.html', demo))) {
    await mustRun(['npm', 'run', 'build', '--workspace', 'demo']);
  }
}

/** Everything that the page needs, from a set-up machine. */
export async function buildDemo() {
  await buildPreset('native', ['halfling']);
  await compressModels();
  await buildPackage();
  await buildPage();
}

/** Whether a file exists and is newer than all inputs (files, or folders with all they hold). */
export async function isNewer(output, inputs) {
  const made = await changedAt(path.join(ROOT, output));
  if (made === undefined) return false;
  const changes = await Promise.all(inputs.map((input) => lastChangeBelow(path.join(ROOT, input))));
  return changes.every((changed) => changed !== undefined && changed <= made);
}

async function lastChangeBelow(place) {
  let last = await changedAt(place);
  if (last === undefined) return undefined;
  const entries = await readdir(place, { recursive: true }).catch((error) => {
    if (error.code === 'ENOTDIR') return [];
    throw error;
  });
  for (const entry of entries) {
    last = Math.max(last, (await changedAt(path.join(place, entry))) ?? 0);
  }
  return last;
}

async function changedAt(file) {
  const information = await stat(file).catch(() => undefined);
  return information?.mtimeMs;
}
