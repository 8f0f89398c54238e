// Asks a server which version of a model it has.

import { HalflingError } from '../errors.js';
import { ConnectionError, mimeType, open, readAll, within } from './download.js';
import { parseManifest, type Manifest } from './manifest.js';

/** How long a server is asked for a newer version than the device has. */
const MANIFEST_LIMIT_MS = 3000;

export interface ManifestText {
  readonly text: string;
  readonly manifest: Manifest;
}

/** Throws errors of the network and of parseManifest. */
export async function fetchManifest(url: string, signal?: AbortSignal): Promise<ManifestText> {
  // Always asked anew (a 304 is cheap): a stale manifest would contradict the files beside it.
  const response = await open(url, { cache: 'no-cache', signal: signal ?? null });
  const text = await readAll(response, (body) => body.text());
  try {
    return { text, manifest: parseManifest(text, url) };
  } catch (error) {
    if (mimeType(response) !== 'text/html') throw error;
    throw new HalflingError(
      'malformed-json',
      `${url} answers with text/html instead of a manifest.json: \`model\` must be the address of a model directory.`,
    );
  }
}

/** Gives up where somebody has a model to go on with. */
export function fetchManifestSoon(url: string): Promise<ManifestText> {
  const stop = new AbortController();
  return within(MANIFEST_LIMIT_MS, fetchManifest(url, stop.signal), () => {
    stop.abort();
    return new ConnectionError(`${url} has not come within ${MANIFEST_LIMIT_MS} ms.`);
  });
}
