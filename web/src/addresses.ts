// Where things lie: addresses that callers give, made absolute.

import { HalflingError } from './errors.js';
import type { CreateOptions, Simd } from './types.js';

/** `what` names the option in the error. */
export function resolveUrl(url: string | URL, what: string): URL {
  // A worker may call too, and has no document.
  const base = globalThis.document?.baseURI ?? globalThis.location.href;
  try {
    return new URL(url, base);
  } catch {
    throw new HalflingError('invalid-request', `${what} "${url}" is no address.`);
  }
}

/** `model` may be the directory or the manifest in it. */
export function resolveManifestUrl(model: string | URL): string {
  const url = resolveUrl(model, 'model');
  if (!url.pathname.endsWith('.json')) {
    url.pathname += url.pathname.endsWith('/') ? 'manifest.json' : '/manifest.json';
  }
  return url.href;
}

export function resolveWasmUrls(given: CreateOptions['wasmUrl']): Record<Simd, string> {
  const baseline = given?.baseline ?? new URL('./halfling.wasm', import.meta.url);
  const relaxed = given?.relaxed ?? new URL('./halfling-relaxed.wasm', import.meta.url);
  return {
    baseline: resolveUrl(baseline, 'wasmUrl.baseline').href,
    relaxed: resolveUrl(relaxed, 'wasmUrl.relaxed').href,
  };
}
