// Runs a program that Emscripten made, in a page of its own.
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { ISOLATION } from './isolation.mjs';

// Pages see the repository under this name: requests to it are answered from the disk, so that no
// port is opened. Chromium treats localhost as secure, like the page's own server. An isolated page's
// clock goes in steps of 5 microseconds instead of 100.
const ORIGIN = 'http://localhost';
const CONTENT_TYPES = { '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
const TIME_LIMIT_MS = 300_000;

/**
 * @param {import('playwright-core').Browser} browser
 * @param {string} program path of its .mjs within the repository
 * @param {{programArguments?: string[], files?: string[]}} options `files` within the repository are
 *   in the program's file system too
 * @returns {Promise<{code: number, lines: string[]}>} the exit code, 1 without one; the output
 */
export async function runWasmProgram(browser, program, { programArguments = [], files = [] } = {}) {
  const page = await browser.newPage();
  const lines = [];
  page.on('pageerror', (error) => lines.push(String(error)));
  try {
    await page.route(`${ORIGIN}/**`, answerFromDisk);
    await page.exposeFunction('printLine', (line) => lines.push(line));
    await page.goto(`${ORIGIN}/`);
    const code = await withTimeLimit(
      page.evaluate(runInPage, { program, programArguments, files }),
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
async function runInPage({ program, programArguments, files }) {
  const { default: createModule } = await import(`/${program}`);
  const { runProgram } = await import('/tests/wasm/run_program.mjs');
  const read = async (name) => new Uint8Array(await (await fetch(`/${name}`)).arrayBuffer());
  return runProgram(
    createModule,
    files.map((name) => ({ name, read: () => read(name) })),
    programArguments,
    (line) => globalThis.printLine(line),
  );
}

async function answerFromDisk(route) {
  const name = decodeURIComponent(new URL(route.request().url()).pathname).slice(1);
  if (name === '') {
    const body = '<!doctype html><title>Program</title>';
    await route.fulfill({ contentType: 'text/html', headers: ISOLATION, body });
    return;
  }
  try {
    const contentType = CONTENT_TYPES[path.extname(name)] ?? 'application/octet-stream';
    await route.fulfill({ contentType, headers: ISOLATION, body: await readFile(name) });
  } catch (error) {
    await route.fulfill({ status: 404, body: String(error) });
  }
}

function withTimeLimit(promise, milliseconds) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
