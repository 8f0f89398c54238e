// A list of recommendations that follows the history and the model: what the React hook and the
// element have in common.

import type { Recommendation, Recommender, RecommendOptions } from './types.js';

export interface ListQuery<Item> extends Omit<RecommendOptions<Item>, 'signal'> {
  /** Instead of what follows the history: what is similar to the item of this id. */
  readonly similarTo?: string;
  /** Instead of what follows the history: what is popular. */
  readonly trending?: boolean;
}

export interface ListState<Item> {
  readonly status: 'loading' | 'ready' | 'error';
  /** Of the last answer; they stay while the next one is awaited. */
  readonly recommendations: readonly Recommendation<Item>[];
  /** A HalflingError, or what a function of the query threw. */
  readonly error?: unknown;
}

export const EMPTY_LIST: ListState<never> = { status: 'loading', recommendations: [] };

export class LiveList<Item> {
  readonly #recommender: Recommender<Item>;
  readonly #getQuery: () => ListQuery<Item>;
  readonly #onState: (state: ListState<Item>) => void;
  readonly #unsubscribe: (() => void)[];
  #state: ListState<Item> = EMPTY_LIST;
  #outdated = new AbortController();

  /** `getQuery` is asked anew for each ranking. */
  constructor(
    recommender: Recommender<Item>,
    getQuery: () => ListQuery<Item>,
    onState: (state: ListState<Item>) => void,
  ) {
    this.#recommender = recommender;
    this.#getQuery = getQuery;
    this.#onState = onState;
    const refresh = () => void this.refresh();
    this.#unsubscribe = [
      recommender.on('history', refresh),
      recommender.on('update', refresh),
      recommender.on('close', (error) => {
        this.#outdated.abort(); // or a call that waits would tell the same again
        this.#set({ status: 'error', error });
      }),
    ];
    void this.refresh();
  }

  async refresh(): Promise<void> {
    this.#outdated.abort();
    const { signal } = (this.#outdated = new AbortController());
    const { similarTo, trending, ...options } = this.#getQuery();
    this.#set({ status: 'loading' });
    try {
      const call = { ...options, signal };
      const recommendations = await (similarTo !== undefined
        ? this.#recommender.similar(similarTo, call)
        : trending
          ? this.#recommender.trending(call)
          : this.#recommender.recommend(call));
      if (!signal.aborted) this.#set({ status: 'ready', recommendations });
    } catch (error) {
      if (!signal.aborted) this.#set({ status: 'error', error });
    }
  }

  stop(): void {
    this.#outdated.abort();
    for (const stop of this.#unsubscribe) stop();
  }

  #set(change: Partial<ListState<Item>> & Pick<ListState<Item>, 'status'>): void {
    this.#state = { recommendations: this.#state.recommendations, ...change };
    this.#onState(this.#state);
  }
}
