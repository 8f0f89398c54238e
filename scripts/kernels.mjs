// How near the engine's matrix products come to what the machine can do at most, in headless Chromium:
// tests/bench/kernels_bench.cc of both wasm builds.
import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { buildPreset, setUp } from './lib/build.mjs';
import { launchChromium } from './lib/browsers.mjs';
import { ROOT } from './lib/command.mjs';
import { runWasmProgram } from './lib/wasm-program.mjs';

const HELP = `usage: node scripts/kernels.mjs [--json FILE] [--markdown FILE]

  --json FILE      where to write the results
  --markdown FILE  write them as a page, such as docs/kernels.md
`;
const BUILDS = { baseline: 'wasm', relaxed: 'wasm-relaxed' };
// A product of several tokens is bound by arithmetic; one token's by reading the weights, as far as
// the arithmetic is not slower. The baseline's int7 product is made of int8's instructions.
const PEAK_OF = {
  baseline: { f32: 'f32', int8: 'int8', int7: 'int8' },
  relaxed: { f32: 'f32', int8: 'int8', int7: 'int7' },
};
const LOADS = [
  ['load, 16 KiB', 64 << 10], // weights up to that size are read as fast as that
  ['load, 1 MiB', 2 << 20],
  ['load, 4 MiB', Infinity],
];

async function measure() {
  await setUp();
  const results = { date: new Date().toISOString().slice(0, 10), cpu: os.cpus()[0].model };
  const browser = await launchChromium();
  try {
    results.chromium = browser.version();
    for (const [simd, preset] of Object.entries(BUILDS)) {
      await buildPreset(preset, ['kernels_bench']);
      const program = `build/${preset}/tests/bench/kernels_bench.mjs`;
      const { code, lines } = await runWasmProgram(browser, program, {
        programArguments: ['--json'],
      });
      if (code !== 0) throw new Error(`${program}: ${lines.join('\n')}`);
      const { peaks, products } = JSON.parse(lines.join('\n'));
      results[simd] = {
        peaks,
        products: products.filter(({ implementation }) => implementation !== 'scalar'),
      };
    }
  } finally {
    await browser.close();
  }
  return results;
}

function sharesOf(simd, peaks, { product, tokens, bytes, microseconds, rate }) {
  const peak = (name) => peaks.find((one) => one.name === name).rate;
  const arithmetic = rate / peak(PEAK_OF[simd][product]);
  const [load] = LOADS.find(([, most]) => bytes <= most);
  return { arithmetic, load: tokens === 1 ? bytes / microseconds / 1e3 / peak(load) : undefined };
}

/** For products of several tokens. */
function inShort(results) {
  const range = (product, ...builds) => {
    const shares = builds
      .flatMap((simd) =>
        results[simd].products
          .filter((one) => one.product === product && one.tokens > 1)
          .map((one) => sharesOf(simd, results[simd].peaks, one).arithmetic),
      )
      .map((share) => Math.round(100 * share));
    return `${Math.min(...shares)} to ${Math.max(...shares)}%`;
  };
  const peak = (name) => results.relaxed.peaks.find((one) => one.name === name).rate;
  const faster = (peak('int7') / peak('int8')).toFixed(1);
  const builds = Object.keys(BUILDS);
  return `In short: with several tokens f32 reaches ${range('f32', ...builds)} of the peak of its arithmetic,
and int8 ${range('int8', ...builds)} of its own. In relaxed SIMD int7 reaches ${range('int7', 'relaxed')}
of a peak that is ${faster} times int8's.`;
}

function toMarkdown(results) {
  const percent = (share) => (share === undefined ? '' : `${Math.round(100 * share)}%`);
  const parts = [
    `# Kernels beside the machine's limits

${inShort(results)}

Written by \`node scripts/kernels.mjs --markdown docs/kernels.md\` on ${results.date}: one thread of
${results.cpu}, Chromium ${results.chromium}. The fastest of many runs.

*int8* are weights of 8 bits, whose inputs are rounded to 16 bits. *int7* are weights of 7 bits, stored in
8, whose inputs are rounded to 8.

*Gop/s* counts multiplications and additions. A peak is a loop of nothing but that operation on registers
(f32 multiply, then add; 16-bit dot product, then add; the relaxed dot product of bytes) or of loads.
*Of arithmetic* is the product's rate over its operation's peak; *of load*, for one token, the rate at
which it reads weights over that of loads from a buffer about as large.
`,
  ];
  for (const simd of Object.keys(BUILDS)) {
    const { peaks, products } = results[simd];
    parts.push(`## ${simd === 'relaxed' ? 'Relaxed' : 'Baseline'} SIMD\n`);
    parts.push('| peak | |\n| --- | ---: |');
    for (const { name, rate } of peaks) {
      parts.push(`| ${name} | ${rate.toFixed(0)} ${name.startsWith('load') ? 'GB/s' : 'Gop/s'} |`);
    }
    parts.push('\n| weights | tokens x in x out | µs | Gop/s | of arithmetic | of load |');
    parts.push('| --- | ---: | ---: | ---: | ---: | ---: |');
    for (const one of products) {
      const { arithmetic, load } = sharesOf(simd, peaks, one);
      const shape = `${one.tokens} x ${one.in} x ${one.out}`;
      const figures = [one.microseconds.toFixed(2), one.rate.toFixed(1)];
      parts.push(
        `| ${one.product} | ${shape} | ${figures.join(' | ')} | ${percent(arithmetic)} | ${percent(load)} |`,
      );
    }
    parts.push('');
  }
  return parts.join('\n');
}

async function write(file, text) {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  console.log(`wrote ${file}`);
}

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    markdown: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) {
  console.log(HELP);
} else {
  process.chdir(ROOT);
  const results = await measure();
  const text = toMarkdown(results);
  if (values.json) await write(values.json, `${JSON.stringify(results, null, 1)}\n`);
  if (values.markdown) await write(values.markdown, text);
  else console.log(text);
}
