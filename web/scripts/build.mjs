// Builds dist/: the page's scripts (also as one for script tags), the workers without and with
// threads, each with its builds of the engine's JavaScript half, the wasm files, the licences of what is
// bundled and the type declarations. Prints every file's size.
// Usage: node scripts/build.mjs      after the four CMake presets of `engines`

import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

import { thirdPartyNotices } from './notices.mjs';

const packageDir = join(dirname(fileURLToPath(import.meta.url)), '..');
const rootDir = join(packageDir, '..');
const distDir = join(packageDir, 'dist');
const engines = {
  baseline: { preset: 'wasm', wasm: 'halfling.wasm' },
  relaxed: { preset: 'wasm-relaxed', wasm: 'halfling-relaxed.wasm' },
  baselineThreads: { preset: 'wasm-threads', wasm: 'halfling-threads.wasm' },
  relaxedThreads: { preset: 'wasm-relaxed-threads', wasm: 'halfling-relaxed-threads.wasm' },
};

const ENTRIES = ['index', 'react', 'element'];
const WORKERS = ['worker', 'worker-threads'];

function builtFile(engine, name) {
  return join(rootDir, 'build', engines[engine].preset, 'wasm', name);
}

async function requireEngines() {
  for (const [engine, { preset }] of Object.entries(engines)) {
    for (const name of ['halfling.mjs', 'halfling.wasm']) {
      const file = builtFile(engine, name);
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
  // Node may lack relaxed SIMD, so not all can be asked; the id is a string in their data.
  for (const [engine, { preset }] of Object.entries(engines)) {
    if ((await readFile(builtFile(engine, 'halfling.wasm'))).includes(buildId)) continue;
    throw new Error(`${preset} is of another build than wasm (${buildId}): build all presets.`);
  }
  return buildId;
}

/** Emscripten's script is made for Node as well, for the tests; the package needs none of that. */
function withoutNode(source) {
  return source
    .replace(/var ENVIRONMENT_IS_NODE\s*=[^;]*;/, '')
    .replace(/^if \(isNode\) .*$/m, '')
    .replaceAll(/\bENVIRONMENT_IS_NODE\b/g, 'false');
}

/**
 * Its threads are workers of the script that it is bundled into, not of the file that it was; and of
 * the same kind, for some bundlers make it a classic script, which alone may call importScripts.
 */
function withOwnWorkers(source) {
  const kind = '(()=>{try{importScripts();return"classic"}catch{return"module"}})()';
  return source
    .replaceAll('new URL("halfling.mjs",import.meta.url)', 'import.meta.url')
    .replaceAll('type:"module",workerData', `type:${kind},workerData`);
}

const adaptEngineScripts = {
  name: 'adapt-engine-scripts',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]halfling\.mjs$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = withOwnWorkers(withoutNode(source));
      const original = /ENVIRONMENT_IS_NODE|worker_threads'|new URL\("halfling\.mjs"|type:"module"/;
      const left = original.exec(contents);
      if (left) throw new Error(`${path}: ${left[0]} is still there`);
      return { contents };
    });
  },
};

/** The builds' scripts, one for two builds where they are the same, as they should be. */
async function engineScripts() {
  const isSame = async (one, other) => (await readFile(one)).equals(await readFile(other));
  const [baseline, relaxed, baselineThreads, relaxedThreads] = Object.keys(engines).map((engine) =>
    builtFile(engine, 'halfling.mjs'),
  );
  if (!(await isSame(baselineThreads, relaxedThreads))) {
    throw new Error(`${baselineThreads} and ${relaxedThreads} differ: the worker holds one alone.`);
  }
  return {
    '#engine/baseline': baseline,
    '#engine/relaxed': (await isSame(baseline, relaxed)) ? baseline : relaxed,
    '#engine/threads': baselineThreads,
  };
}

/** Returns the paths of all files that went into the scripts. */
async function bundle(buildId) {
  const common = {
    absWorkingDir: packageDir,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'none', // THIRD-PARTY-NOTICES.txt has them all
    metafile: true,
    define: { __BUILD_ID__: JSON.stringify(buildId) },
    logLevel: 'warning',
  };
  const page = await build({
    ...common,
    entryPoints: ENTRIES.map((name) => `src/${name}.ts`),
    outdir: 'dist',
    // `new URL(…, import.meta.url)` has to stay as it is: that is what bundlers look for. The other
    // entries import the first as it is built, so that a page which has two gets it once.
    external: ['./index.js', 'react'],
    sourcemap: true,
  });
  const global = await build({
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
  const workers = await build({
    ...common,
    entryPoints: WORKERS.map((name) => `src/worker/${name}.ts`),
    outdir: 'dist',
    sourcemap: true,
    alias: await engineScripts(),
    plugins: [adaptEngineScripts],
    // A worker is one file and is given its wasm: bundlers must not look for more beside it.
    define: { ...common.define, 'import.meta.url': 'self.location.href' },
  });
  const inputs = [page, global, workers].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  return inputs.map((path) => join(packageDir, path));
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
  const kept = new Set(WORKERS.map((worker) => `${worker}.d.ts`));
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
  'worker-threads.js',
  'halfling-threads.wasm',
  'halfling-relaxed-threads.wasm',
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
  const bundled = await bundle(buildId);
  await writeFile(join(distDir, 'THIRD-PARTY-NOTICES.txt'), await thirdPartyNotices(bundled));
  for (const [engine, { wasm }] of Object.entries(engines)) {
    await copyFile(builtFile(engine, 'halfling.wasm'), join(distDir, wasm));
  }
  for (const worker of WORKERS) {
    await writeFile(join(distDir, `${worker}.d.ts`), 'export {};\n'); // nothing to import
  }
  emitTypes(); // last: dist/index.d.ts says that dist is whole
  await pruneTypes();
  await printSizes();
} catch (error) {
  console.error(`web: ${error.message}`);
  process.exitCode = 1;
}
