// Tells of the requests that are made after the shop was loaded, live and without trusting itself: the
// browser's own resource timelines have them, one of the page and one of each worker.

import type { Recommender } from 'halfling';
import { useEffect, useState } from 'preact/hooks';

import { MODEL_KEYS, recommenderOf } from './models';
import type { Shop } from './shop';

const WATCH_MS = 1000;

export interface Requests {
  readonly byPage: readonly string[];
  readonly byWorkers: number;
}

export const countRequests = ({ byPage, byWorkers }: Requests) => byPage.length + byWorkers;

/** Their addresses; undefined while loading. */
function usePageRequests(loaded: boolean): readonly string[] | undefined {
  const [addresses, setAddresses] = useState<readonly string[]>();

  useEffect(() => {
    if (!loaded) return;
    const since = performance.now();
    const observer = new PerformanceObserver((list) => {
      const made = list.getEntries().filter((entry) => entry.startTime > since);
      if (made.length === 0) return;
      setAddresses((before = []) => [...before, ...made.map(({ name }) => name)]);
    });
    observer.observe({ type: 'resource' });
    setAddresses([]);
    return () => observer.disconnect();
  }, [loaded]);

  return addresses;
}

/** The package reads the worker's timeline with each ranking. */
async function countByWorker(recommender: Recommender): Promise<number> {
  const history = recommender.items.slice(0, 1).map(({ id }) => id);
  await recommender.recommend({ history, limit: 1 });
  return recommender.lastCall?.requestsSinceLoading ?? 0;
}

/** As of the last event, for workers do nothing unasked; live while somebody watches. */
function useWorkerRequests(
  { models, events }: Pick<Shop, 'models' | 'events'>,
  isLoaded: boolean,
  isWatched: boolean,
): number | undefined {
  const [count, setCount] = useState<number>();

  useEffect(() => {
    if (!isLoaded) return;
    const recommenders = MODEL_KEYS.flatMap((key) => recommenderOf(models[key]) ?? []);
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const ask = async () => {
      const counts = await Promise.all(recommenders.map((one) => countByWorker(one).catch(() => 0)));
      if (isOver) return;
      setCount(counts.reduce((sum, each) => sum + each, 0));
      if (isWatched) timer = setTimeout(ask, WATCH_MS);
    };
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [models, events, isLoaded, isWatched]);

  return count;
}

/** undefined while `isLoaded` is false. */
export function useRequests(
  shop: Pick<Shop, 'models' | 'events'>,
  isLoaded: boolean,
  isWatched: boolean,
): Requests | undefined {
  const byPage = usePageRequests(isLoaded);
  const byWorkers = useWorkerRequests(shop, isLoaded, isWatched);
  return byPage && byWorkers !== undefined ? { byPage, byWorkers } : undefined;
}

/** Fonts are requests too. */
export function useFontsReady(): boolean {
  const [ready, setReady] = useState(false);
  useEffect(() => void document.fonts.ready.then(() => setReady(true)), []);
  return ready;
}
