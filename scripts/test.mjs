// `npm test`: sets the machine up, then builds and runs every suite, one after another, going on
// after a failure. The last line counts test cases; the exit code is 0 only if none failed.
// usage: node scripts/test.mjs [--list] [SUITE…]
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  buildDemo,
  buildPackage,
  buildPreset,
  compressModels,
  installPython,
  PYTHON,
  setUp,
  WASM_PRESETS,
} from './lib/build.mjs';
import { elapsed, ROOT, runCommand } from './lib/command.mjs';
import {
  addCounts,
  countCtest,
  countNodeTest,
  countPlaywright,
  countPytest,
  countVitest,
  NO_TESTS,
} from './lib/count-tests.mjs';

/** Of one command of a suite: what takes longer has hung. */
const LIMIT_MS = 60 * 60_000;

const TOOLING_TESTS = ['count-tests', 'bench', 'command'].map((name) => `tests/tooling/${name}.test.mjs`);

// Those that run the engine's threads.
const THREADED_TESTS = ['base_test', 'model_test', 'recommender_test'];

// Each suite returns the counts of its test cases and whether all of its commands succeeded.
const SUITES = {
  layers: ['Include layers', () => checkOnly(['scripts/check-layers'])],
  native: ['C++, native', () => runCtest('native')],
  sanitize: ['C++, address and undefined-behaviour sanitizers', () => runCtest('sanitize')],
  races: ['C++, thread sanitizer', () => runCtest('sanitize-threads', THREADED_TESTS)],
  wasm: ['C++, wasm in Node', () => runCtest('wasm')],
  relaxed: ['The relaxed wasm module in Node', () => runCtest('wasm-relaxed')],
  threads: ['C++, wasm with threads in Node', () => runCtest('wasm-threads')],
  chromium: ['C++, every wasm build in Chromium', runWasmInChromium],
  scripts: ['Python scripts', runPytest],
  tooling: ['Build scripts', () => countedRun(['node', '--test', ...TOOLING_TESTS], countNodeTest)],
  agreement: ['Native and wasm rankings agree to the bit', compareWithNative],
  types: ['Types of the package and the page', checkTypes],
  web: ['The npm package', runPackageTests],
  page: ['The page in Chromium', () => runPageTests('chromium')],
  browsers: ['The page in Firefox and WebKit', () => runPageTests('firefox', 'webkit')],
  bundlers: ['The package in other bundlers', runBundlerTests],
};

async function runCtest(preset, targets = []) {
  await buildPreset(preset, targets);
  const { code } = await runCommand(['ctest', '--preset', preset], { limit: LIMIT_MS });
  const log = path.join(ROOT, 'build', preset, 'Testing/Temporary/LastTest.log');
  const output = await readFile(log, 'utf8');
  for (const line of output.match(/^\s*SKIPPED: .*$/gm) ?? []) console.log(line);
  return { counts: countCtest(output), succeeded: code === 0 };
}

async function runWasmInChromium() {
  for (const preset of WASM_PRESETS) await buildPreset(preset);
  const count = (output) => {
    const summary = /^Chromium .*: (\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(output);
    const [passed, failed, skipped] = summary?.slice(1).map(Number) ?? [0, 1, 0];
    return { passed, failed, skipped };
  };
  return countedRun(['node', 'scripts/run-wasm-tests.mjs'], count);
}

async function runPytest() {
  await buildPreset('native', ['halfling']);
  await installPython('bench', 'quality');
  const folders = ['tests/layers', 'tests/scripts'];
  return countedRun([PYTHON, '-m', 'pytest', '-q', '-rs', ...folders], countPytest);
}

async function compareWithNative() {
  await buildDemo();
  const tool = 'build/native/compressor/halfling';
  const compare = (preset, model, ...options) => [
    'node',
    'tests/wasm/compare_with_native.mjs',
    `build/${preset}/wasm/halfling.mjs`,
    tool,
    `build/models/${model}`,
    ...options,
  ];
  return checkEach(
    ['movielens-half', 'movielens-original'].flatMap((model) => [
      compare('wasm', model),
      compare('wasm-threads', model, '20', '2'),
      compare('wasm-threads', model, '20', '3'),
    ]),
  );
}

async function checkTypes() {
  await buildDemo(); // The page is checked against the package's built declarations.
  return checkEach(['web', 'demo'].map((workspace) => ['npm', 'run', 'check', '-w', workspace]));
}

/** Commands that are one test each. */
async function checkEach(commands) {
  const results = [];
  for (const command of commands) results.push(await checkOnly(command));
  return {
    counts: results.map(({ counts }) => counts).reduce(addCounts),
    succeeded: results.every(({ succeeded }) => succeeded),
  };
}

async function runPackageTests() {
  await buildPackage(); // Some tests are of what would be published.
  return countedRun(['npm', 'run', 'test', '-w', 'web'], countVitest);
}

async function runPageTests(...browsers) {
  await buildDemo();
  const projects = browsers.map((name) => `--project=${name}`);
  return countedRun(['npm', 'run', 'test', '-w', 'demo', '--', ...projects], countPlaywright);
}

async function runBundlerTests() {
  await buildPackage();
  await buildPreset('native', ['halfling']);
  await compressModels();
  const command = ['npx', 'playwright', 'test', '-c', 'tests/bundlers'];
  return countedRun(command, countPlaywright);
}

async function countedRun(command, count) {
  const { code, output } = await runCommand(command, { limit: LIMIT_MS });
  return { counts: count(output), succeeded: code === 0 };
}

/** A command that is one test in itself. */
function checkOnly(command) {
  return countedRun(command, () => NO_TESTS).then(({ succeeded }) => ({
    counts: { passed: Number(succeeded), failed: Number(!succeeded), skipped: 0 },
    succeeded,
  }));
}

/** A suite that failed without naming a test, or that ran none, is one failure. */
async function runSuite(run) {
  try {
    const { counts, succeeded } = await run();
    const ranNothing = counts.passed + counts.failed + counts.skipped === 0;
    if ((!succeeded || ranNothing) && counts.failed === 0) {
      console.log(succeeded ? 'No test ran.' : 'The runner failed.');
      return { ...counts, failed: 1 };
    }
    return counts;
  } catch (error) {
    console.log(String(error));
    return { ...NO_TESTS, failed: 1 };
  }
}

async function main(names) {
  if (names.includes('--list') || names.includes('--help')) {
    console.log('usage: node scripts/test.mjs [SUITE…]      every suite when none is named');
    for (const [name, [title]] of Object.entries(SUITES))
      console.log(`  ${name.padEnd(10)} ${title}`);
    return 0;
  }
  const unknown = names.find((name) => !(name in SUITES));
  if (unknown) {
    console.error(
      `scripts/test.mjs: no suite '${unknown}'; there are ${Object.keys(SUITES).join(', ')}`,
    );
    return 2;
  }

  const started = Date.now();
  const chosen = names.length > 0 ? names : Object.keys(SUITES);
  await setUp(...(chosen.includes('browsers') ? ['--browsers'] : []));
  const results = [];
  for (const name of chosen) {
    const [title, run] = SUITES[name];
    console.log(`\n=== ${title} ===`);
    const suiteStarted = Date.now();
    results.push({ title, counts: await runSuite(run), time: elapsed(suiteStarted) });
  }
  return summarize(results, elapsed(started));
}

function summarize(results, time) {
  const total = results.map(({ counts }) => counts).reduce(addCounts);
  const width = Math.max(...results.map(({ title }) => title.length));
  console.log(`\n${''.padEnd(width)}  passed  failed  skipped  time`);
  for (const { title, counts, time: suiteTime } of results) {
    const { passed, failed, skipped } = counts;
    const cells = [
      String(passed).padStart(6),
      String(failed).padStart(6),
      String(skipped).padStart(7),
    ];
    console.log(`${title.padEnd(width)}  ${cells.join('  ')}  ${suiteTime}`);
  }
  console.log(`Test cases in all, in ${time}:`);
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  console.error(`\nnpm test: ${error.message}`);
  return 1;
});
