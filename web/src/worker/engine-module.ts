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
  /** Log-probabilities, with boosts where there are any. */
  readonly scores?: Float32Array;
  readonly reusedTokens?: number;
}

export interface ScoringOutcome extends Outcome {
  readonly logProbabilities?: Float32Array;
}

interface AnyEngine {
  addShard(name: string, bytes: Uint8Array): void;
  load(): Outcome;
  /** Frees what the engine holds; Embind's own. */
  delete(): void;
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
export interface Engine extends AnyEngine {
  recommend(request: EngineRequest): RankingOutcome & Pick<ScoringOutcome, 'logProbabilities'>;
  /** The exact log-probability of each item. */
  scoreItems(history: Int32Array, items: Int32Array): ScoringOutcome;
  /** Those of one item after the history without each of its entries, of which there are two or more. */
  leaveOneOut(history: Int32Array, item: number): ScoringOutcome;
}

/** An engine that has a beam search alone, and no boosts. */
export interface BeamEngine extends AnyEngine {
  recommend(
    history: Int32Array,
    limit: number,
    beamWidth: number,
    exclude: Int32Array,
    allow: Int32Array | null,
    excludeSeen: boolean,
  ): RankingOutcome;
}

export interface EngineModule {
  readonly Engine: new () => Engine | BeamEngine;
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
