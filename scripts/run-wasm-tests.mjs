// Runs the wasm test programs of a build in headless Chromium, one page each.
// usage: node scripts/run-wasm-tests.mjs [wasm] [wasm-relaxed]      (both when none is named)
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { listTestData } from '../tests/wasm/test_data.mjs';
import { launchChromium } from './lib/chromium.mjs';
import { ROOT } from './lib/command.mjs';
import { addCounts, countCatch2, NO_TESTS } from './lib/count-tests.mjs';

const PRESETS = ['wasm', 'wasm-relaxed'];
// Pages see the repository under this name: requests to it are answered from the disk, so that no
// port is opened. Chromium treats localhost as secure, like the page's own server.
const ORIGIN = 'http://localhost';
const CONTENT_TYPES = { '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
const TIME_LIMIT_MS = 300_000;

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
    const { code, lines } = await runProgramInPage(browser, `${folder}/${program}`);
    const counts = countCatch2(lines.join('\n'));
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    total = addCounts(total, counts);
    report(`${preset}/${program}`, code, counts, lines, performance.now() - started);
  }
  return total;
}

/** @returns {Promise<{code: number, lines: string[]}>} Catch2's exit code, 1 without one */
async function runProgramInPage(browser, program) {
  const page = await browser.newPage();
  const lines = [];
  page.on('pageerror', (error) => lines.push(String(error)));
  try {
    await page.route(`${ORIGIN}/**`, answerFromDisk);
    await page.exposeFunction('printLine', (line) => lines.push(line));
    await page.goto(`${ORIGIN}/`);
    const code = await withTimeLimit(
      page.evaluate(runInPage, { program, files: await listTestData() }),
      TIME_LIMIT_MS,
    );
    return { code, lines };
  } catch (error) {
    return { code: 1, lines: [...lines, String(error)] };
  } finally {
    await page.close();
  }
}

// Runs in the page: nothing of this module is in reach.
async function runInPage({ program, files }) {
  const { default: createModule } = await import(`/${program}`);
  const { runProgram } = await import('/tests/wasm/run_program.mjs');
  const read = async (name) => new Uint8Array(await (await fetch(`/${name}`)).arrayBuffer());
  return runProgram(
    createModule,
    files.map((name) => ({ name, read: () => read(name) })),
    ['--use-colour', 'no'],
    (line) => globalThis.printLine(line),
  );
}

async function answerFromDisk(route) {
  const name = decodeURIComponent(new URL(route.request().url()).pathname).slice(1);
  if (name === '') {
    await route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Tests</title>' });
    return;
  }
  try {
    const contentType = CONTENT_TYPES[path.extname(name)] ?? 'application/octet-stream';
    await route.fulfill({ contentType, body: await readFile(name) });
  } catch (error) {
    await route.fulfill({ status: 404, body: String(error) });
  }
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

function withTimeLimit(promise, milliseconds) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

process.exitCode = await main(process.argv.slice(2));
