// What wasm/bindings.cc offers through Embind. Only the worker may know these types: handles and
// views of the wasm heap never leave it. Types only.

import type { HalflingErrorCode } from '../errors.js';
import type { Simd } from '../types.js';

export interface Outcome {
  readonly ok: boolean;
  readonly code?: HalflingErrorCode;
  readonly message?: string;
}

export interface RankingOutcome extends Outcome {
  readonly items?: Int32Array;
  readonly scores?: Float32Array;
  readonly reusedTokens?: number;
}

/** All arguments are copied in, all results are copies. Nothing here throws, short of a trap. */
export interface Engine {
  addShard(name: string, bytes: Uint8Array): void;
  load(): Outcome;
  recommend(
    history: Int32Array,
    limit: number,
    beamWidth: number,
    exclude: Int32Array,
    allow: Int32Array | null,
    excludeSeen: boolean,
  ): RankingOutcome;
  /** Frees what the engine holds; Embind's own. */
  delete(): void;
}

export interface EngineModule {
  readonly Engine: new () => Engine;
  /** Whether this browser's relaxed dot product gives the exact sum; false in the baseline build. */
  relaxedDotSelfTest(): boolean;
  buildId(): string;
  simd(): Simd;
}

/** The part of Emscripten's module options that is used here. */
export interface ModuleOptions {
  instantiateWasm(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): WebAssembly.Exports;
}

export type ModuleFactory = (options: ModuleOptions) => Promise<EngineModule>;
