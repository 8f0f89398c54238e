// The package as npm would publish it: what is in it, what others' tools say of it, what it weighs.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const packageDir = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = (name: string) => join(packageDir, 'dist', name);
const { publint } = await import('publint');
const CONSUMER = `
import { createRecommender, HalflingError, type Recommendation } from 'halfling';
import type { HalflingRecommendations } from 'halfling/element';
import { useRecommendations } from 'halfling/react';
interface Film { readonly name: string }
export async function show(element: HalflingRecommendations): Promise<Recommendation<Film>[]> {
  const shop = await createRecommender({
    model: '/m/',
    toItem: ({ title }) => (title === undefined ? undefined : { name: title }),
  });
  element.recommender = shop;
  shop.on('close', (error: HalflingError) => console.log(error.code));
  // @ts-expect-error: a film has no price
  void shop.recommend({ filter: (film) => film.price > 3 });
  const priced = await createRecommender({
    model: '/m/',
    toItem: (item) => ({ ...item, price: 1 }),
  });
  void priced.recommend({ filter: (film) => film.price > 3 && film.popularity > 0 });
  return shop.recommend({ boost: ({ name }) => name.length / 100 });
}
export const useFilms = () => useRecommendations<Film>(undefined).recommendations;
`;
const STRICT = { strict: true, noEmit: true, target: 'es2022', module: 'nodenext', types: [] };
let folder = '';
let tarball = '';

/** Returns the folder of a project that has the package, where React's types are found as well. */
function install(): string {
  const consumer = mkdtempSync(join(packageDir, '../build/consumer-'));
  const installed = join(consumer, 'node_modules/halfling');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['xzf', tarball, '--strip-components=1', '-C', installed]);
  return consumer;
}

beforeAll(() => {
  if (!existsSync(dist('index.d.ts'))) {
    throw new Error(
      'web/dist is missing: run `npm run build -w web`, which needs both wasm builds.',
    );
  }
  folder = mkdtempSync(join(tmpdir(), 'halfling-pack-'));
  const options = ['pack', '--ignore-scripts', '--pack-destination', folder];
  const output = execFileSync('npm', options, { cwd: packageDir, encoding: 'utf8' });
  tarball = join(folder, output.trim().split('\n').at(-1) as string);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packed package', () => {
  it('holds every file that its exports name, and no source or test', () => {
    const files = execFileSync('tar', ['tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
    const { exports } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as {
      exports: Record<string, string | Record<string, string>>;
    };
    const named = Object.values(exports).flatMap((one) =>
      typeof one === 'string' ? [one] : Object.values(one),
    );
    for (const name of named) expect(files).toContain(join('package', name));
    expect(files.filter((name) => /\/(src|test|scripts)\//.test(name))).toEqual([]);
    expect(files).toContain('package/README.md');
    expect(files).toContain('package/LICENSE');
  });

  it('has the licence of everything that is bundled', () => {
    const options = ['xzOf', tarball, 'package/dist/THIRD-PARTY-NOTICES.txt'];
    const notices = execFileSync('tar', options, { encoding: 'utf8' });
    const bundled = ['index', 'worker', 'worker-threads', 'halfling.global'].flatMap((name) => {
      const map = JSON.parse(readFileSync(dist(`${name}.js.map`), 'utf8')) as { sources: string[] };
      return map.sources.flatMap((source) => source.split('/node_modules/')[1]?.split('/')[0] ?? []);
    });
    expect(new Set(bundled)).toEqual(new Set(['comlink', 'idb', 'wasm-feature-detect']));
    for (const name of [...bundled, 'Emscripten', 'musl']) expect(notices).toContain(`\n${name}`);
    expect(notices).toContain('Copyright (c) 2016, Jake Archibald');
  });

  it('has no link that leads out of it', () => {
    const readme = readFileSync(join(packageDir, 'README.md'), 'utf8');
    const links = [...readme.matchAll(/\]\(([^)]*)\)/g)].map(([, address]) => address);
    expect(links.filter((address) => !/^(#|https:)/.test(address ?? ''))).toEqual([]);
  });

  it('has nothing that publint complains of', async () => {
    const { messages } = await publint({ pkgDir: packageDir, strict: true });
    expect(messages).toEqual([]);
  });

  it('has types that are right under every resolution that knows exports', () => {
    const attw = createRequire(import.meta.url).resolve('@arethetypeswrong/cli/package.json');
    const options = ['--profile', 'esm-only', '--format', 'ascii', '--exclude-entrypoints'];
    const scripts = ['halfling.global.js', 'halfling.wasm', 'halfling-relaxed.wasm'];
    scripts.push('halfling-threads.wasm', 'halfling-relaxed-threads.wasm');
    const run = () =>
      execFileSync(
        process.execPath,
        [join(dirname(attw), 'dist/index.js'), tarball, ...options, ...scripts],
        { encoding: 'utf8' },
      );
    expect(run()).toContain('halfling/element'); // and it throws where there is a problem
  });

  it('has types that hold for a consumer who checks libraries too', () => {
    const consumer = install();
    try {
      writeFileSync(join(consumer, 'shop.ts'), CONSUMER);
      writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions: STRICT }));
      const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
      execFileSync(process.execPath, [tsc, '-p', consumer]);
    } catch (error) {
      throw new Error(String((error as { stdout?: Buffer }).stdout ?? error));
    } finally {
      rmSync(consumer, { recursive: true, force: true });
    }
  });

  const withEffects = ['worker.js', 'worker-threads.js', 'element'];
  it.each(withEffects)('is not bundled to nothing: %s', async (name) => {
    const consumer = install();
    try {
      const { outputFiles } = await build({
        stdin: { contents: `import 'halfling/${name}';`, resolveDir: consumer },
        bundle: true,
        format: 'esm',
        write: false,
        logLevel: 'error',
      });
      expect(outputFiles[0]?.contents.length).toBeGreaterThan(5000);
    } finally {
      rmSync(consumer, { recursive: true, force: true });
    }
  });

  it('names no other host in its scripts', () => {
    const scripts = ['index', 'worker', 'worker-threads', 'element', 'react', 'halfling.global'];
    for (const name of scripts.map((script) => `${script}.js`)) {
      expect(readFileSync(dist(name), 'utf8').match(/https?:\/\/[\w.-]+/g) ?? []).toEqual([]);
    }
  });
});

describe('the download of a page', () => {
  const gzip = (name: string) => gzipSync(readFileSync(dist(name)), { level: 9 }).length;

  // Bytes; what a page loads is index.js, worker.js and one of its wasm files, or worker-threads.js
  // and one of those with threads.
  it.each([
    ['index.js', 11_600],
    ['worker.js', 17_700],
    ['halfling.wasm', 98_000],
    ['halfling-relaxed.wasm', 99_000],
    ['worker-threads.js', 20_500],
    ['halfling-threads.wasm', 107_000],
    ['halfling-relaxed-threads.wasm', 109_000],
    ['element.js', 3_300],
    ['react.js', 1_000],
  ])('%s stays within its budget of %i bytes, gzip', (name, budget) => {
    expect(gzip(name)).toBeLessThanOrEqual(budget);
  });
});
