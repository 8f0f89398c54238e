// Counts the requests that the page makes after `loaded` has become true, live and without trusting
// itself: the browser's own resource timeline tells of them. (Workers have timelines of their own,
// which the package reads.)

import { useEffect, useState } from 'preact/hooks';

/** undefined while loading. */
export function useRequestCount(loaded: boolean): number | undefined {
  const [count, setCount] = useState<number>();

  useEffect(() => {
    if (!loaded) return;
    const since = performance.now();
    let requests = 0;
    const observer = new PerformanceObserver((list) => {
      requests += list.getEntries().filter((entry) => entry.startTime > since).length;
      setCount(requests);
    });
    observer.observe({ type: 'resource' });
    setCount(0);
    return () => observer.disconnect();
  }, [loaded]);

  return count;
}
