// What the worker takes for the engine's wasm and its JavaScript half.

import type { Engine, EngineModule, Outcome } from '../src/worker/engine-module.js';

export const EMPTY_WASM = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

const succeed = (): Outcome => ({ ok: true });

/** A module of build `build` whose engines do what `methods` say, and nothing else. */
export function makeModule(build: string, methods: Partial<Engine> = {}): EngineModule {
  const engine: Engine = {
    addShard: () => undefined,
    load: succeed,
    recommend: succeed,
    scoreItems: succeed,
    leaveOneOut: succeed,
    delete: () => undefined,
    ...methods,
  };
  return {
    Engine: class {
      constructor() {
        Object.assign(this, engine);
      }
    } as EngineModule['Engine'],
    relaxedDotSelfTest: () => true,
    buildId: () => build,
    simd: () => 'baseline',
  };
}
