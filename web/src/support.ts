import { simd } from 'wasm-feature-detect';

import { HalflingError } from './errors.js';

/** What the page lacks, in words; empty where the package runs. */
function missingFeatures(): string[] {
  return [
    typeof Worker === 'undefined' && 'Worker (createRecommender runs in a page, not on a server)',
    typeof WebAssembly === 'undefined' && 'WebAssembly',
    !globalThis.crypto?.subtle && 'crypto.subtle (serve the page over https or from localhost)',
    !globalThis.navigator?.locks && 'Web Locks (serve the page over https or from localhost)',
  ].filter((feature) => typeof feature === 'string');
}

export function requireFeatures(): void {
  const missing = missingFeatures();
  if (missing.length === 0) return;
  throw new HalflingError('unsupported-browser', `Missing here: ${missing.join('; ')}.`);
}

/** Whether createRecommender can run here. Never throws; false on a server. */
export async function isSupported(): Promise<boolean> {
  return missingFeatures().length === 0 && (await simd());
}
