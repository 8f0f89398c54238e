// The one error class of the package. It works alike in the page and in the worker; between the two
// it travels as a plain `Failure`, because a structured clone would lose the code.

/** Causes that the C++ engine reports about the model's files or a request. */
export type EngineErrorCode =
  | 'truncated-file'
  | 'malformed-header'
  | 'malformed-json'
  | 'unsupported-version'
  | 'unsupported-model'
  | 'unsupported-dtype'
  | 'missing-tensor'
  | 'duplicate-tensor'
  | 'shape-mismatch'
  | 'non-finite-weight'
  | 'invalid-weight'
  | 'invalid-config'
  | 'invalid-catalog'
  | 'empty-catalog'
  | 'empty-history'
  | 'history-too-long'
  | 'unknown-item'
  | 'invalid-request'
  | 'too-large'
  | 'checksum-mismatch'
  | 'io';

/** Causes that only arise in a browser. */
export type BrowserErrorCode =
  | 'aborted' // the caller's AbortSignal
  | 'disposed' // the recommender's dispose() was called
  | 'network' // a request failed or was answered with an HTTP error
  | 'invalid-event' // track() was given something else than an event
  | 'not-stored' // offlineOnly, and the model is not on the device, or not whole
  | 'model-not-stored' // a warning: no room for the model, or no right to store it
  | 'history-not-stored' // a warning: the browser refuses to store the history
  | 'history-not-erased' // what is stored of the history may still be there
  | 'model-outdated' // a warning: the server's version cannot be loaded, so the stored one is used
  | 'no-threads' // a warning: the page is isolated, but the threaded engine did not start
  | 'invalid-path' // a manifest names a file outside its own directory
  | 'wasm-not-found' // the wasm URL answers with something else than WebAssembly
  | 'wasm-invalid' // WebAssembly that this browser refuses to compile or start
  | 'version-mismatch' // script, worker and wasm come from different builds of the package
  | 'unsupported-browser' // a feature that the package needs is missing
  | 'worker-not-found' // the worker's script could not be started
  | 'worker-died' // the worker ended while it was needed
  | 'internal' // what this package did not expect: its message has what the browser says
  | 'engine-stopped'; // the engine trapped (out of memory, or a defect) and cannot go on

export type HalflingErrorCode = EngineErrorCode | BrowserErrorCode;

export class HalflingError extends Error {
  override readonly name = 'HalflingError';
  /** The cause, stable over releases: switch on this, show `message`. */
  readonly code: HalflingErrorCode;

  constructor(code: HalflingErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A HalflingError as a plain object, for postMessage. */
export interface Failure {
  readonly ok: false;
  readonly code: HalflingErrorCode;
  readonly message: string;
}

export const toReason = (error: unknown) =>
  error instanceof Error ? error.message || error.name : String(error);

export function toFailure(error: unknown): Failure {
  if (error instanceof HalflingError) {
    return { ok: false, code: error.code, message: error.message };
  }
  const message = `Something failed in the worker that should not (${toReason(error)}): try again; if it recurs, the device may be out of memory.`;
  return { ok: false, code: 'internal', message };
}

/** What the engine throws is a trap: its own errors are values. */
export function trapped(error: unknown): HalflingError {
  return new HalflingError(
    'engine-stopped',
    `The engine stopped unexpectedly (${toReason(error)}): create another recommender; if it recurs, the model may need more memory than this device gives a page.`,
    { cause: error },
  );
}

export function abortedError(signal: AbortSignal | undefined): HalflingError {
  return new HalflingError('aborted', 'The call was aborted by its AbortSignal.', {
    cause: signal?.reason,
  });
}
