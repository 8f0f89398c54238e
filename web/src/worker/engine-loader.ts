// Picks, fetches and starts one of the builds of the engine.

import { relaxedSimd, simd as baselineSimd } from 'wasm-feature-detect';

import { HalflingError } from '../errors.js';
import type { LoadRequest } from '../protocol.js';
import type { Simd } from '../types.js';
import { mimeType, open, readAll, within } from './download.js';
import type { EngineModule, ModuleFactory } from './engine-module.js';

export interface LoadedEngine {
  readonly module: EngineModule;
  readonly simd: Simd;
  readonly threads: number;
  readonly wasmBytes: number;
}

interface StartedModule {
  readonly module: EngineModule;
  readonly wasmBytes: number;
}

const START_LIMIT_MS = 10_000;
const WASM_MAGIC = [0x00, 0x61, 0x73, 0x6d]; // "\0asm"

/** Fetches a wasm file and compiles it. Throws 'network', 'wasm-not-found', 'wasm-invalid'. */
export async function fetchWasm(
  url: string,
  init?: RequestInit,
): Promise<{ module: WebAssembly.Module; bytes: number }> {
  const response = await open(url, init);
  const bytes = new Uint8Array(await readAll(response, (body) => body.arrayBuffer()));
  if (!WASM_MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw new HalflingError(
      'wasm-not-found',
      `${url} is not WebAssembly: it answers with ${mimeType(response)}, ${bytes.length} bytes. ` +
        'Copy the wasm files of halfling/dist to where the page can fetch them and pass their addresses as wasmUrl.',
    );
  }
  try {
    return { module: await WebAssembly.compile(bytes), bytes: bytes.length };
  } catch (error) {
    throw new HalflingError(
      'wasm-invalid',
      `${url} could not be compiled (${(error as Error).message}): if that names the Content-Security-Policy, allow 'wasm-unsafe-eval' in its script-src; otherwise copy the file again.`,
    );
  }
}

async function start(
  url: string,
  factory: ModuleFactory,
  buildId: string,
  threads: number,
  init?: RequestInit,
): Promise<StartedModule> {
  const wasm = await fetchWasm(url, init);
  try {
    const starting = factory({
      helpers: threads - 1,
      instantiateWasm(imports, receive) {
        const instance = new WebAssembly.Instance(wasm.module, imports);
        receive(instance, wasm.module);
        return instance.exports;
      },
    });
    // Nothing tells of a thread's worker that says nothing.
    const module = await within(START_LIMIT_MS, starting, () => {
      return new HalflingError('no-threads', `${url} has not started: its threads say nothing.`);
    });
    checkBuild(buildId, module.buildId(), url);
    return { module, wasmBytes: wasm.bytes };
  } catch (error) {
    if (error instanceof HalflingError) throw error;
    throw new HalflingError(
      'wasm-invalid',
      `${url} could not be started (${(error as Error).message}): it may be of another build of this package, or the device is out of memory.`,
    );
  }
}

/** A file of another build may be an older one in the HTTP cache: it is fetched once more past it. */
async function startFresh(
  url: string,
  factory: ModuleFactory,
  buildId: string,
  threads: number,
): Promise<StartedModule> {
  try {
    return await start(url, factory, buildId, threads);
  } catch (error) {
    const code = error instanceof HalflingError ? error.code : '';
    if (code !== 'version-mismatch' && code !== 'wasm-invalid') throw error;
    return start(url, factory, buildId, threads, { cache: 'reload' });
  }
}

/** The page can do without threads, so all that keeps them from starting has one code. */
async function startAny(
  url: string,
  factory: ModuleFactory,
  buildId: string,
  threads: number,
): Promise<StartedModule> {
  if (threads === 1) return startFresh(url, factory, buildId, 1);
  try {
    return await startFresh(url, factory, buildId, threads);
  } catch (error) {
    throw new HalflingError('no-threads', (error as Error).message, { cause: error });
  }
}

/** Refuses a wasm file that was built together with other scripts than these. */
export function checkBuild(expected: string, actual: string, what: string): void {
  if (expected !== actual) {
    throw new HalflingError(
      'version-mismatch',
      `${what} is of build ${actual}, the page's script of build ${expected}: deploy all files of halfling/dist together and clear caches between.`,
    );
  }
}

/**
 * 'auto' takes the relaxed build if the browser validates its instructions and the dot product tells
 * the truth (one engine, behind a flag, returns the double), the baseline build otherwise.
 */
export async function loadEngine(
  { simd: wanted, wasmUrls, threads }: Pick<LoadRequest, 'simd' | 'wasmUrls' | 'threads'>,
  factories: Readonly<Record<Simd, ModuleFactory>>,
  buildId: string,
): Promise<LoadedEngine> {
  if (!(await baselineSimd())) {
    throw new HalflingError(
      'unsupported-browser',
      'This browser has no WebAssembly SIMD: Chrome 91, Firefox 89 and Safari 16.4 are the first that do.',
    );
  }
  if (wanted !== 'baseline' && (await relaxedSimd())) {
    const relaxed = await startAny(wasmUrls.relaxed, factories.relaxed, buildId, threads);
    if (relaxed.module.relaxedDotSelfTest()) {
      return { ...relaxed, simd: relaxed.module.simd(), threads };
    }
  }
  if (wanted === 'relaxed') {
    throw new HalflingError(
      'unsupported-browser',
      "This browser has no relaxed SIMD that computes rightly: leave `simd` at 'auto'.",
    );
  }
  const baseline = await startAny(wasmUrls.baseline, factories.baseline, buildId, threads);
  return { ...baseline, simd: baseline.module.simd(), threads };
}
