// How many threads a recommender may have.

import { HalflingError } from './errors.js';
import type { CreateOptions } from './types.js';

const MOST = 32; // that engine/base/thread_pool.h has
const AUTO_MOST = 4;

/**
 * Shared memory, without which there are no threads, is for cross-origin isolated pages alone; some
 * browsers (WebKit on Linux) have none even there.
 */
export function chooseThreads({
  threads = 'auto',
  workerUrl,
  threadedWorkerUrl,
}: Pick<CreateOptions, 'threads' | 'workerUrl' | 'threadedWorkerUrl'>): number {
  if (threads !== 'auto' && !(Number.isInteger(threads) && threads >= 1)) {
    throw new HalflingError(
      'invalid-request',
      `threads: ${threads}; expected a whole number from 1, or 'auto'.`,
    );
  }
  const hasWorker = threadedWorkerUrl !== undefined || workerUrl === undefined;
  const hasSharedMemory =
    globalThis.crossOriginIsolated && typeof SharedArrayBuffer !== 'undefined';
  if (!hasSharedMemory || !hasWorker) return 1;
  const processors = navigator.hardwareConcurrency || 1;
  return Math.min(threads === 'auto' ? AUTO_MOST : threads, processors, MOST);
}
