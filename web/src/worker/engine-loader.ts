// Picks, fetches and starts one of the two builds of the engine.

import { relaxedSimd, simd as baselineSimd } from 'wasm-feature-detect';

import { HalflingError } from '../errors.js';
import type { Simd } from '../types.js';
import { mimeType, open, readAll } from './download.js';
import type { EngineModule, ModuleFactory } from './engine-module.js';

export interface LoadedEngine {
  readonly module: EngineModule;
  readonly simd: Simd;
  readonly wasmBytes: number;
}

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
  init?: RequestInit,
): Promise<{ module: EngineModule; wasmBytes: number }> {
  const wasm = await fetchWasm(url, init);
  try {
    const module = await factory({
      instantiateWasm(imports, receive) {
        const instance = new WebAssembly.Instance(wasm.module, imports);
        receive(instance, wasm.module);
        return instance.exports;
      },
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
): Promise<{ module: EngineModule; wasmBytes: number }> {
  try {
    return await start(url, factory, buildId);
  } catch (error) {
    const code = error instanceof HalflingError ? error.code : '';
    if (code !== 'version-mismatch' && code !== 'wasm-invalid') throw error;
    return start(url, factory, buildId, { cache: 'reload' });
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
  wanted: 'auto' | Simd,
  urls: Readonly<Record<Simd, string>>,
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
    const relaxed = await startFresh(urls.relaxed, factories.relaxed, buildId);
    if (relaxed.module.relaxedDotSelfTest()) return { ...relaxed, simd: relaxed.module.simd() };
  }
  if (wanted === 'relaxed') {
    throw new HalflingError(
      'unsupported-browser',
      "This browser has no relaxed SIMD that computes rightly: leave `simd` at 'auto'.",
    );
  }
  const baseline = await startFresh(urls.baseline, factories.baseline, buildId);
  return { ...baseline, simd: baseline.module.simd() };
}
