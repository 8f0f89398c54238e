// Runs the wasm test programs of a build in headless Chromium, one page each.
// usage: node scripts/run-wasm-tests.mjs [PRESET…]      (every wasm preset when none is named)
import { readdir } from 'node:fs/promises';
import { listTestData } from '../tests/wasm/test_data.mjs';
import { WASM_PRESETS as PRESETS } from './lib/build.mjs';
import { launchChromium } from './lib/browsers.mjs';
import { ROOT } from './lib/command.mjs';
import { addCounts, countCatch2, NO_TESTS } from './lib/count-tests.mjs';
import { runWasmProgram } from './lib/wasm-program.mjs';

const COLOURLESS = ['--use-colour', 'no'];

async function main(presets) {
  const usage = `usage: node scripts/run-wasm-tests.mjs [${PRESETS.join('] [')}]`;
  if (presets.includes('--help')) {
    console.log(usage);
    return 0;
  }
  const unknown = presets.filter((preset) => !PRESETS.includes(preset));
  if (unknown.length > 0) {
    console.error(`no build '${unknown[0]}'; ${usage}`);
    return 2;
  }
  process.chdir(ROOT);
  const browser = await launchChromium();
  try {
    let total = NO_TESTS;
    for (const preset of presets.length > 0 ? presets : PRESETS) {
      total = addCounts(total, await runPreset(browser, preset));
    }
    const { passed, failed, skipped } = total;
    console.log(
      `Chromium ${browser.version()}: ${passed} passed, ${failed} failed, ${skipped} skipped`,
    );
    return failed === 0 && passed > 0 ? 0 : 1;
  } finally {
    await browser.close();
  }
}

async function runPreset(browser, preset) {
  const folder = `build/${preset}/tests/programs`;
  const programs = (await readdir(folder)).filter((name) => name.endsWith('.mjs')).sort();
  if (programs.length === 0) throw new Error(`${folder} holds no test program`);
  let total = NO_TESTS;
  for (const program of programs) {
    const started = performance.now();
    const { code, lines } = await runWasmProgram(browser, `${folder}/${program}`, {
      programArguments: COLOURLESS,
      files: await listTestData(),
    });
    const counts = countCatch2(lines.join('\n'));
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    total = addCounts(total, counts);
    report(`${preset}/${program}`, code, counts, lines, performance.now() - started);
  }
  return total;
}

function report(name, code, { passed, failed, skipped }, lines, milliseconds) {
  const seconds = (milliseconds / 1000).toFixed(1);
  console.log(
    `${code === 0 ? 'ok  ' : 'FAIL'} ${name}: ${passed} passed, ${failed} failed, ` +
      `${skipped} skipped (${seconds} s)`,
  );
  const shown = code === 0 ? lines.filter((line) => line.includes('SKIPPED: ')) : lines;
  for (const line of shown) console.log(`     ${line}`);
}

process.exitCode = await main(process.argv.slice(2));
