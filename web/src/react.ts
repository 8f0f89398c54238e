// For React 18 and 19. Nothing runs before the first effect, so a server can render.

import { useCallback, useEffect, useRef, useState } from 'react';

import {
  createRecommender,
  type CreateOptions,
  type HalflingError,
  type LoadProgress,
  type Recommender,
} from './index.js';
import { EMPTY_LIST, LiveList, type ListQuery, type ListState } from './live-list.js';

export type { ListQuery, ListState } from './live-list.js';

export interface RecommenderState {
  readonly recommender?: Recommender;
  readonly progress?: LoadProgress;
  readonly error?: HalflingError;
  /** Starts again after an error: of loading, or of a worker that died later. */
  readonly retry: () => void;
}

/**
 * A recommender that lives as long as the component: put it near the root. Only `model` is watched;
 * the other options are those of the first render.
 */
export function useRecommender(
  options: Omit<CreateOptions, 'signal' | 'onProgress' | 'toItem'>,
): RecommenderState {
  const first = useRef(options);
  const [attempt, setAttempt] = useState(0);
  const [state, setState] = useState<Omit<RecommenderState, 'retry'>>({});
  const model = String(options.model);

  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    let created: Recommender | undefined;
    const start = async () => {
      try {
        const onProgress = (progress: LoadProgress) => {
          if (!signal.aborted) setState({ progress });
        };
        created = await createRecommender({ ...first.current, model, signal, onProgress });
        if (signal.aborted) return created.dispose();
        created.on('close', (error) => {
          if (!signal.aborted) setState({ error });
        });
        setState({ recommender: created });
      } catch (error) {
        if (!signal.aborted) setState({ error: error as HalflingError });
      }
    };
    void start();
    return () => {
      stop.abort();
      created?.dispose();
      setState({});
    };
  }, [model, attempt]);

  const retry = useCallback(() => setAttempt((count) => count + 1), []);
  return { ...state, retry };
}

/**
 * Recommendations that follow the history, in this tab and others. Functions in `query` may be new at
 * every render: the recommender is asked again when the rest of `query`, or one of `deps`, changes.
 */
export function useRecommendations<Item>(
  recommender: Recommender<Item> | undefined,
  query: ListQuery<Item> = {},
  deps: readonly unknown[] = [],
): ListState<Item> {
  const latest = useRef(query);
  const list = useRef<LiveList<Item>>(null);
  const [state, setState] = useState<ListState<Item>>(EMPTY_LIST);

  useEffect(() => {
    latest.current = query;
  });

  // Before the effect that makes the list, which asks by itself: a first render asks once.
  useEffect(() => {
    void list.current?.refresh();
  }, [JSON.stringify(query), ...deps]);

  useEffect(() => {
    if (!recommender) {
      setState(EMPTY_LIST);
      return undefined;
    }
    const made = new LiveList(recommender, () => latest.current, setState);
    list.current = made;
    return () => {
      made.stop();
      list.current = null;
    };
  }, [recommender]);

  return state;
}
