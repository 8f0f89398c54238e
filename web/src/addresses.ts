// Where things lie: addresses that callers give, made absolute.

import { checkObject, invalid } from './checks.js';
import { HalflingError } from './errors.js';
import type { CreateOptions, ScriptUrl, Simd, WasmFile } from './types.js';

/** `what` names the option in the error. */
export function resolveUrl(url: string | URL, what: string): URL {
  if (typeof url !== 'string' && !(url instanceof URL)) {
    throw invalid(what, url, 'an address: a string or a URL');
  }
  // A worker may call too, and has no document.
  const base = globalThis.document?.baseURI ?? globalThis.location.href;
  try {
    return new URL(url, base);
  } catch {
    throw new HalflingError('invalid-request', `${what} "${url}" is no address.`);
  }
}

/** A TrustedScriptURL has to reach the browser as it is. */
export function resolveScriptUrl(url: ScriptUrl, what: string): ScriptUrl {
  const { trustedTypes } = globalThis as { trustedTypes?: { isScriptURL(url: unknown): boolean } };
  return trustedTypes?.isScriptURL(url) ? url : resolveUrl(url as string | URL, what);
}

/** `model` may be the directory or the manifest in it. */
export function resolveManifestUrl(model: string | URL): string {
  const url = resolveUrl(model, 'model');
  if (!url.pathname.endsWith('.json')) {
    url.pathname += url.pathname.endsWith('/') ? 'manifest.json' : '/manifest.json';
  }
  return url.href;
}

/** Bundlers look for exactly these expressions. */
const WASM_FILES: Readonly<Record<WasmFile, () => URL>> = {
  baseline: () => new URL('./halfling.wasm', import.meta.url),
  relaxed: () => new URL('./halfling-relaxed.wasm', import.meta.url),
  baselineThreads: () => new URL('./halfling-threads.wasm', import.meta.url),
  relaxedThreads: () => new URL('./halfling-relaxed-threads.wasm', import.meta.url),
};

export function resolveWasmUrls(
  given: CreateOptions['wasmUrl'] = {},
  threads: number,
): Record<Simd, string> {
  checkObject('wasmUrl', given);
  const resolve = (simd: Simd) => {
    const file: WasmFile = threads > 1 ? `${simd}Threads` : simd;
    return resolveUrl(given[file] ?? WASM_FILES[file](), `wasmUrl.${file}`).href;
  };
  return { baseline: resolve('baseline'), relaxed: resolve('relaxed') };
}
