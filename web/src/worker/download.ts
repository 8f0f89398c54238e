// Fetches one file, in pieces with progress, and checks what arrived.

import { HalflingError } from '../errors.js';
import type { ModelFile } from './manifest.js';

const SECOND_TRY: RequestInit = { cache: 'reload' };
const SILENCE_LIMIT_MS = 60_000;

/** 'network', and no answer of a server to blame: offline, say, or a connection that broke off. */
export class ConnectionError extends HalflingError {
  constructor(message: string) {
    super('network', message);
  }
}

/** Rejects with the error that `late` makes when `work` takes longer. */
export function within<T>(ms: number, work: Promise<T>, late: () => HalflingError): Promise<T> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(late()), ms);
    work.then(resolve, reject).finally(() => clearTimeout(limit));
  });
}

/** Some connections neither go on nor break off. */
function withinLimit<T>(work: Promise<T>, url: string): Promise<T> {
  const seconds = SILENCE_LIMIT_MS / 1000;
  const text = `${url} has sent nothing for ${seconds} s: try again.`;
  return within(SILENCE_LIMIT_MS, work, () => new ConnectionError(text));
}

/** Opens `url`. Throws 'network' for a failed request or an HTTP error status. */
export async function open(url: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await withinLimit(fetch(url, init), url);
  } catch (error) {
    if (error instanceof HalflingError) throw error;
    throw new ConnectionError(
      `${url} could not be fetched (${(error as Error).message}): check the connection, the address, CORS and the page's Content-Security-Policy.`,
    );
  }
  if (!response.ok) {
    throw new HalflingError(
      'network',
      `${url} answered HTTP ${response.status} ${response.statusText}: check the address.`,
    );
  }
  return response;
}

/** The whole body by `read`. Throws 'network' when the connection breaks off. */
export async function readAll<T>(
  response: Response,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  return withinLimit(read(response), response.url).catch((error: unknown) => {
    if (error instanceof HalflingError) throw error;
    throw new ConnectionError(`${response.url} broke off (${(error as Error).message}).`);
  });
}

/** "text/html", "unknown", …: what to name in an error when a body is not what it should be. */
export function mimeType(response: Response): string {
  return response.headers.get('content-type')?.split(';')[0]?.trim() || 'unknown';
}

/**
 * Reads a body of exactly `bytes` bytes, telling each piece's size to `onPiece`. Allocates what is
 * promised, never what arrives. Throws 'truncated-file', 'checksum-mismatch' (too long), 'network'.
 */
export async function readExactly(
  response: Response,
  bytes: number,
  onPiece: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const where = `${response.url} (${mimeType(response)})`;
  const whole = new Uint8Array(bytes);
  let filled = 0;
  const reader = response.body?.getReader();
  for (;;) {
    if (!reader) break;
    const piece = await withinLimit(reader.read(), where).catch((error: unknown) => {
      void reader.cancel().catch(() => undefined);
      if (error instanceof HalflingError) throw error;
      const reason = (error as Error).message;
      throw new ConnectionError(`${where} broke off after ${filled} bytes (${reason}).`);
    });
    if (piece.done) break;
    if (filled + piece.value.length > bytes) {
      void reader.cancel();
      throw new HalflingError(
        'checksum-mismatch',
        `${where} is longer than the ${bytes} bytes that the manifest promises.`,
      );
    }
    whole.set(piece.value, filled);
    filled += piece.value.length;
    onPiece(piece.value.length);
  }
  if (filled < bytes) {
    throw new HalflingError(
      'truncated-file',
      `${where} ended after ${filled} of the ${bytes} bytes that the manifest promises.`,
    );
  }
  return whole;
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface FetchedFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** As the server says it, if it does. */
  readonly lastModified: string | null;
}

async function fetchOnce(
  url: string,
  file: ModelFile,
  onPiece: (bytes: number) => void,
  init: RequestInit,
): Promise<FetchedFile> {
  const response = await open(url, init);
  const bytes = await readExactly(response, file.bytes, onPiece);
  const actual = await sha256(bytes);
  if (actual !== file.sha256) {
    throw new HalflingError(
      'checksum-mismatch',
      `${url} has sha256 ${actual}, the manifest says ${file.sha256}: the file was changed or damaged; upload the model directory again as a whole.`,
    );
  }
  return { bytes, lastModified: response.headers.get('last-modified') };
}

/**
 * Fetches a file of the model and verifies its checksum. Bytes that differ from the manifest may be
 * an older version in the HTTP cache, so they are fetched once more past it. `onPiece` gets negative
 * bytes when a try is taken back. An abort by `signal` reads as 'network'.
 */
export async function fetchVerified(
  url: string,
  file: ModelFile,
  onPiece: (bytes: number) => void,
  signal: AbortSignal | null = null,
): Promise<FetchedFile> {
  let arrived = 0;
  const count = (bytes: number) => {
    arrived += bytes;
    onPiece(bytes);
  };
  try {
    return await fetchOnce(url, file, count, { signal });
  } catch (error) {
    if (!(error instanceof HalflingError) || error.code === 'network') throw error;
    onPiece(-arrived);
    return await fetchOnce(url, file, onPiece, { ...SECOND_TRY, signal });
  }
}
