// A worker and the calls that wait for it. Whatever ends the worker ends them too, with the reason.

import { wrap, type Remote } from 'comlink';

import { abortedError, HalflingError, type HalflingErrorCode } from './errors.js';
import type { Reply, WorkerApi } from './protocol.js';
import type { ScriptUrl } from './types.js';

type Invoke<T> = (api: Remote<WorkerApi>) => Promise<Reply<T>>;

interface Ending {
  readonly code: HalflingErrorCode;
  readonly message: string;
}

const START_LIMIT_MS = 60_000;

/** Which of the package's two worker scripts, and where it lies if not beside this one. */
export interface WorkerScript {
  readonly threaded: boolean;
  readonly url: ScriptUrl | undefined;
}

function startWorker({ threaded, url }: WorkerScript): Worker {
  if (url) return new Worker(url as string | URL, { type: 'module', name: 'halfling' });
  // Bundlers look for exactly these expressions, so the cases cannot be one; webpack calls the files
  // that it makes of them by these names, so they are two.
  return threaded
    ? new Worker(new URL('./worker-threads.js', import.meta.url), {
        type: 'module',
        name: 'halfling-threads',
      })
    : new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'halfling' });
}

export class WorkerConnection {
  readonly #worker: Worker;
  readonly #api: Remote<WorkerApi>;
  readonly #waiting = new Set<(ending: Ending) => void>();
  readonly #stopWatching = new AbortController();
  readonly #name: string;
  readonly #script: string;
  #lastTurn: Promise<void> = Promise.resolve();
  #opened = false;
  #onClose: (error: HalflingError) => void = () => undefined;
  #ending: Ending | undefined;

  /** Throws 'worker-not-found' for a script that the browser refuses outright. */
  constructor(script: WorkerScript) {
    this.#name = script.threaded ? 'worker-threads.js' : 'worker.js';
    const place = script.url ?? `'./${this.#name}' beside halfling's own script`;
    this.#script = `The worker script ${place}`;
    try {
      this.#worker = startWorker(script);
    } catch (error) {
      throw new HalflingError(
        'worker-not-found',
        `${this.#script} is refused (${(error as Error).message}): it must be of the page's own origin and, where the page requires Trusted Types, given as a TrustedScriptURL; pass ${script.threaded ? 'threadedWorkerUrl' : 'workerUrl'}.`,
      );
    }
    this.#api = wrap<WorkerApi>(this.#worker);
    // A script that cannot be fetched or parsed says so here, and not why.
    this.#worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.close(this.#explain(event.message));
    });
  }

  /**
   * To be awaited first. Rejects if the worker does not start, says nothing for a minute, or is of
   * another build.
   */
  async open(buildId: string, signal?: AbortSignal): Promise<void> {
    const lifeLock = `halfling-worker-${crypto.randomUUID()}`;
    const limit = setTimeout(() => {
      this.close({
        code: 'worker-not-found',
        message: `${this.#script} answers nothing: is it halfling's ${this.#name}?`,
      });
    }, START_LIMIT_MS);
    try {
      await this.call((api) => api.start({ buildId, lifeLock }), signal);
    } finally {
      clearTimeout(limit);
    }
    this.#opened = true;
    this.#watch(lifeLock);
  }

  /**
   * Runs `invoke` after all earlier calls. An abort rejects at once; a call whose turn has not come
   * then never starts.
   */
  call<T>(invoke: Invoke<T>, signal?: AbortSignal): Promise<T> {
    return this.#run(invoke, signal, (takeTurn) => {
      this.#lastTurn = this.#lastTurn.then(takeTurn);
    });
  }

  /** Runs `invoke` at once, beside whatever else runs. */
  callBeside<T>(invoke: Invoke<T>): Promise<T> {
    return this.#run(invoke, undefined, (start) => void start());
  }

  #run<T>(
    invoke: Invoke<T>,
    signal: AbortSignal | undefined,
    schedule: (start: () => Promise<void>) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ending) return reject(new HalflingError(this.#ending.code, this.#ending.message));
      if (signal?.aborted) return reject(abortedError(signal));

      const abort = () => reject(abortedError(signal));
      const end = ({ code, message }: Ending) => {
        signal?.removeEventListener('abort', abort); // the worker's answer may never come
        reject(new HalflingError(code, message));
      };
      const takeTurn = async () => {
        if (signal?.aborted || this.#ending) return;
        const reply = await invoke(this.#api);
        if (reply.ok) resolve(reply.value);
        else if (reply.code === 'engine-stopped') this.close(reply);
        else end(reply);
      };
      const start = () =>
        takeTurn()
          .catch(reject)
          .finally(() => {
            this.#waiting.delete(end);
            signal?.removeEventListener('abort', abort);
          });
      this.#waiting.add(end);
      signal?.addEventListener('abort', abort, { once: true });
      schedule(start);
    });
  }

  /** `listener` is told once, why no call will be answered any more. */
  onClose(listener: (error: HalflingError) => void): void {
    this.#onClose = listener;
  }

  /** Ends the worker and rejects every call, waiting or to come. The first reason stays. */
  close(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#stopWatching.abort();
    this.#worker.terminate();
    for (const end of this.#waiting) end(ending);
    this.#waiting.clear();
    this.#onClose(new HalflingError(ending.code, ending.message));
  }

  /** What an error event of the worker means. `message` is empty where no script ran. */
  #explain(message: string): Ending {
    if (this.#opened) {
      return { code: 'worker-died', message: `${this.#script} stopped with "${message}".` };
    }
    const why = message ? ` ("${message}")` : '';
    return {
      code: 'worker-not-found',
      message:
        `${this.#script} could not be started${why}: check that the address answers with JavaScript ` +
        'and that the Content-Security-Policy has it in worker-src, or pass workerUrl.',
    };
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
