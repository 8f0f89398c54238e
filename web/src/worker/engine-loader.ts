// Picks, fetches and starts one of the two builds of the engine.

import { relaxedSimd, simd as baselineSimd } from 'wasm-feature-detect';

import { HalflingError } from '../errors.js';
import type { Simd } from '../types.js';
import { mimeType, open } from './download.js';
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
): Promise<{ module: WebAssembly.Module; bytes: number }> {
  const response = await open(url);
  const bytes = new Uint8Array(await response.arrayBuffer());
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
): Promise<{ module: EngineModule; wasmBytes: number }> {
  const wasm = await fetchWasm(url);
  try {
    const module = await factory({
      instantiateWasm(imports, receive) {
        const instance = new WebAssembly.Instance(wasm.module, imports);
        receive(instance, wasm.module);
        return instance.exports;
      },
    });
    return { module, wasmBytes: wasm.bytes };
  } catch (error) {
    throw new HalflingError(
      'wasm-invalid',
      `${url} could not be started (${(error as Error).message}): it may be of another build of this package, or the device is out of memory.`,
    );
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
    const relaxed = await start(urls.relaxed, factories.relaxed);
    checkBuild(buildId, relaxed.module.buildId(), urls.relaxed);
    if (relaxed.module.relaxedDotSelfTest()) return { ...relaxed, simd: 'relaxed' };
  }
  if (wanted === 'relaxed') {
    throw new HalflingError(
      'unsupported-browser',
      "This browser has no relaxed SIMD that computes rightly: leave `simd` at 'auto'.",
    );
  }
  const baseline = await start(urls.baseline, factories.baseline);
  checkBuild(buildId, baseline.module.buildId(), urls.baseline);
  return { ...baseline, simd: 'baseline' };
}
