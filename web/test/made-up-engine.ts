// What the worker takes for the engine's wasm and its JavaScript half.

import type { EngineModule, Outcome } from '../src/worker/engine-module.js';

export const EMPTY_WASM = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** A module of build `build` whose engines answer whatever they are asked by `answer`. */
export function makeModule(build: string, answer: () => Outcome = () => ({ ok: true })): EngineModule {
  return {
    Engine: class {
      addShard = () => undefined;
      load = (): Outcome => ({ ok: true });
      recommend = answer;
      scoreItems = answer;
      leaveOneOut = answer;
      delete = () => undefined;
    },
    relaxedDotSelfTest: () => true,
    buildId: () => build,
    simd: () => 'baseline',
  };
}
