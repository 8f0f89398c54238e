// What the worker takes for the engine's wasm and its JavaScript half.

import type { EngineModule, Outcome } from '../src/worker/engine-module.js';

export const EMPTY_WASM = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

const succeed = (): Outcome => ({ ok: true });

/** A module of build `build` whose engines answer whatever they are asked by `answer`. */
export function makeModule(build: string, answer: () => Outcome = succeed): EngineModule {
  return {
    Engine: class {
      addShard = () => undefined;
      load = succeed;
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
