// A worker and the calls that wait for it. Whatever ends the worker ends them too, with the reason.

import { wrap, type Remote } from 'comlink';

import { abortedError, HalflingError, type HalflingErrorCode } from './errors.js';
import type { Reply, WorkerApi } from './protocol.js';

type Invoke<T> = (api: Remote<WorkerApi>) => Promise<Reply<T>>;

interface Ending {
  readonly code: HalflingErrorCode;
  readonly message: string;
}

function startWorker(url: URL | string | undefined): Worker {
  // Bundlers look for exactly this expression, so the two cases cannot be one.
  return url === undefined
    ? new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'halfling' })
    : new Worker(url, { type: 'module', name: 'halfling' });
}

export class WorkerConnection {
  readonly #worker: Worker;
  readonly #api: Remote<WorkerApi>;
  readonly #waiting = new Set<(ending: Ending) => void>();
  readonly #stopWatching = new AbortController();
  #lastTurn: Promise<void> = Promise.resolve();
  #ending: Ending | undefined;

  constructor(workerUrl: URL | string | undefined) {
    this.#worker = startWorker(workerUrl);
    this.#api = wrap<WorkerApi>(this.#worker);
    // A script that cannot be fetched or parsed says so here, and not why.
    this.#worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.close({
        code: 'worker-not-found',
        message: event.message
          ? `The worker stopped with "${event.message}".`
          : `The worker script ${workerUrl ?? "'./worker.js' beside halfling's own script"} could not be started: ` +
            'check that the address answers with JavaScript and that the Content-Security-Policy has it in worker-src, or pass workerUrl.',
      });
    });
  }

  /** To be awaited first. Rejects if the worker does not start or is of another build. */
  async open(buildId: string, signal?: AbortSignal): Promise<void> {
    const lifeLock = `halfling-worker-${crypto.randomUUID()}`;
    await this.call((api) => api.start({ buildId, lifeLock }), signal);
    this.#watch(lifeLock);
  }

  /**
   * Runs `invoke` after all earlier calls. An abort rejects at once; a call whose turn has not come
   * then never starts.
   */
  call<T>(invoke: Invoke<T>, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end = ({ code, message }: Ending) => reject(new HalflingError(code, message));
      if (this.#ending) return end(this.#ending);
      if (signal?.aborted) return reject(abortedError(signal));

      const abort = () => reject(abortedError(signal));
      const takeTurn = async () => {
        if (signal?.aborted || this.#ending) return;
        const reply = await invoke(this.#api);
        if (reply.ok) resolve(reply.value);
        else end(reply);
      };
      this.#waiting.add(end);
      signal?.addEventListener('abort', abort, { once: true });
      this.#lastTurn = this.#lastTurn
        .then(takeTurn)
        .catch(reject)
        .finally(() => {
          this.#waiting.delete(end);
          signal?.removeEventListener('abort', abort);
        });
    });
  }

  /** Ends the worker and rejects every call, waiting or to come. The first reason stays. */
  close(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#stopWatching.abort();
    this.#worker.terminate();
    for (const end of this.#waiting) end(ending);
    this.#waiting.clear();
  }

  /** Browsers tell nobody that a worker has died; but the lock that it holds then comes free. */
  #watch(lifeLock: string): void {
    const whenFree = () => {
      this.close({
        code: 'worker-died',
        message:
          'The worker ended unexpectedly, most often because the device ran out of memory: create a new recommender.',
      });
    };
    const { signal } = this.#stopWatching;
    navigator.locks.request(lifeLock, { signal }, whenFree).catch(() => undefined);
  }
}
