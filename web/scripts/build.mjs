// Builds dist/: the page's scripts (also as one for script tags), the worker with both builds of the
// engine's JavaScript half, the two wasm files and the type declarations. Prints every file's size.
// Usage: node scripts/build.mjs      after the CMake presets `wasm` and `wasm-relaxed`

import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const packageDir = join(dirname(fileURLToPath(import.meta.url)), '..');
const rootDir = join(packageDir, '..');
const distDir = join(packageDir, 'dist');
const engines = {
  baseline: { preset: 'wasm', wasm: 'halfling.wasm' },
  relaxed: { preset: 'wasm-relaxed', wasm: 'halfling-relaxed.wasm' },
};

const ENTRIES = ['index', 'react', 'element'];

function builtFile(simd, name) {
  return join(rootDir, 'build', engines[simd].preset, 'wasm', name);
}

async function requireEngines() {
  for (const [simd, { preset }] of Object.entries(engines)) {
    for (const name of ['halfling.mjs', 'halfling.wasm']) {
      const file = builtFile(simd, name);
      if (await stat(file).catch(() => null)) continue;
      throw new Error(
        `${relative(rootDir, file)} is missing. Build the engine first:\n` +
          `  cmake --preset ${preset} && cmake --build --preset ${preset} --target halfling_wasm`,
      );
    }
  }
}

/** The id that wasm/ compiled in; scripts carry the same and refuse any other at run time. */
async function readBuildId() {
  const { default: createModule } = await import(
    pathToFileURL(builtFile('baseline', 'halfling.mjs'))
  );
  const wasmBinary = await readFile(builtFile('baseline', 'halfling.wasm'));
  const buildId = (await createModule({ wasmBinary })).buildId();
  // Node may lack relaxed SIMD, so the other build cannot be asked; the id is a string in its data.
  const relaxed = await readFile(builtFile('relaxed', 'halfling.wasm'));
  if (!relaxed.includes(buildId)) {
    throw new Error(`the two engine builds differ (baseline is ${buildId}): build both presets.`);
  }
  return buildId;
}

/** Emscripten's script is made for Node as well, for the tests; the package needs none of that. */
const dropNodeBranches = {
  name: 'drop-node-branches',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]halfling\.mjs$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const detection = /var ENVIRONMENT_IS_NODE\s*=[^;]*;/;
      if (!detection.test(source)) throw new Error(`${path}: ENVIRONMENT_IS_NODE is not there`);
      const contents = source
        .replace(detection, '')
        .replaceAll(/\bENVIRONMENT_IS_NODE\b/g, 'false');
      return { contents };
    });
  },
};

/** The two builds' scripts, or one for both where they are the same, as they should be. */
async function engineScripts() {
  const [baseline, relaxed] = ['baseline', 'relaxed'].map((simd) =>
    builtFile(simd, 'halfling.mjs'),
  );
  const same = (await readFile(baseline)).equals(await readFile(relaxed));
  return { '#engine/baseline': baseline, '#engine/relaxed': same ? baseline : relaxed };
}

async function bundle(buildId) {
  const common = {
    absWorkingDir: packageDir,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    define: { __BUILD_ID__: JSON.stringify(buildId) },
    logLevel: 'warning',
  };
  await build({
    ...common,
    entryPoints: ENTRIES.map((name) => `src/${name}.ts`),
    outdir: 'dist',
    // `new URL(…, import.meta.url)` has to stay as it is: that is what bundlers look for. The other
    // entries import the first as it is built, so that a page which has two gets it once.
    external: ['./index.js', 'react'],
    sourcemap: true,
  });
  await build({
    ...common,
    entryPoints: ['src/global.ts'],
    outfile: 'dist/halfling.global.js',
    format: 'iife',
    globalName: 'halfling',
    sourcemap: true,
    // A classic script knows its own address only while it runs for the first time.
    banner: { js: 'var __halflingScript=document.currentScript.src;' },
    define: { ...common.define, 'import.meta.url': '__halflingScript' },
  });
  await build({
    ...common,
    entryPoints: ['src/worker/worker.ts'],
    outfile: 'dist/worker.js',
    sourcemap: true,
    alias: await engineScripts(),
    plugins: [dropNodeBranches],
    // The worker is one file and is given its wasm: bundlers must not look for more beside it.
    define: { ...common.define, 'import.meta.url': 'self.location.href' },
  });
}

function emitTypes() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const options = [
    '--noEmit',
    'false',
    '--declaration',
    '--emitDeclarationOnly',
    '--outDir',
    'dist',
  ];
  execFileSync(process.execPath, [tsc, '-p', 'src', ...options], {
    cwd: packageDir,
    stdio: 'inherit',
  });
}

/** Deletes declarations that no entry leads to: some name packages that are bundled, not installed. */
async function pruneTypes() {
  const kept = new Set(['worker.d.ts']);
  const visit = async (name) => {
    if (kept.has(name)) return;
    kept.add(name);
    const text = await readFile(join(distDir, name), 'utf8');
    for (const [, module] of text.matchAll(/from '\.\/([\w-]+)\.js'/g))
      await visit(`${module}.d.ts`);
  };
  for (const entry of ENTRIES) await visit(`${entry}.d.ts`);
  for (const name of await readdir(distDir)) {
    if (name.endsWith('.d.ts') && !kept.has(name)) await rm(join(distDir, name));
  }
}

const SHIPPED = [
  'index.js',
  'worker.js',
  'halfling.wasm',
  'halfling-relaxed.wasm',
  'react.js',
  'element.js',
  'halfling.global.js',
];

async function printSizes() {
  for (const name of SHIPPED) {
    const bytes = await readFile(join(distDir, name));
    const gzip = gzipSync(bytes, { level: 9 }).length;
    console.log(`dist/${name}`.padEnd(28), `${bytes.length} bytes, ${gzip} gzip`);
  }
}

try {
  await requireEngines();
  const buildId = await readBuildId();
  await rm(distDir, { recursive: true, force: true });
  await mkdir(distDir);
  await bundle(buildId);
  for (const [simd, { wasm }] of Object.entries(engines)) {
    await copyFile(builtFile(simd, 'halfling.wasm'), join(distDir, wasm));
  }
  await writeFile(join(distDir, 'worker.d.ts'), 'export {};\n'); // a script, with nothing to import
  emitTypes(); // last: dist/index.d.ts says that dist is whole
  await pruneTypes();
  await printSizes();
} catch (error) {
  console.error(`web: ${error.message}`);
  process.exitCode = 1;
}
