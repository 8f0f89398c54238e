// What wasm/bindings.cc offers through Embind. Only the worker may know these types: handles and
// views of the wasm heap never leave it. Types only.

import type { HalflingErrorCode } from '../errors.js';
import type { Simd } from '../types.js';

export interface Outcome {
  readonly ok: boolean;
  readonly code?: HalflingErrorCode;
  readonly message?: string;
}

export interface ScoringOutcome extends Outcome {
  readonly logProbabilities?: Float32Array;
}

export interface RankingOutcome extends ScoringOutcome {
  readonly items?: Int32Array;
  readonly exact?: boolean;
  readonly tokensRun?: number;
  readonly reusedTokens?: number;
}

export interface EngineRequest {
  readonly history: Int32Array;
  readonly limit: number;
  readonly search: 'exact' | 'beam';
  readonly beamWidth: number;
  readonly exclude: Int32Array;
  readonly allow: Int32Array | null;
  readonly excludeSeen: boolean;
  /** [items], finite. */
  readonly boosts: Float32Array | null;
}

/** All arguments are copied in, all results are copies. Nothing here throws, short of a trap. */
export interface Engine {
  addShard(name: string, bytes: Uint8Array): void;
  load(): Outcome;
  recommend(request: EngineRequest): RankingOutcome;
  /** The exact log-probability of each item. */
  scoreItems(history: Int32Array, items: Int32Array): ScoringOutcome;
  /**
   * Shares each call among this many threads. Only in the threaded builds, of the model that load()
   * has loaded; the module's other engines must have none.
   */
  useThreads?(threads: number): void;
  /** Those of one item after the history without each of its entries, of which there are two or more. */
  leaveOneOut(history: Int32Array, item: number): ScoringOutcome;
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
  /** How many workers the threaded builds start for threads beside the module's own. */
  readonly helpers?: number;
}

export type ModuleFactory = (options: ModuleOptions) => Promise<EngineModule>;
