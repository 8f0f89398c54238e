// Tells of the requests that the page makes after `loaded` has become true, live and without trusting
// itself: the browser's own resource timeline has them. (Workers have timelines of their own, which
// the package reads.)

import { useEffect, useState } from 'preact/hooks';

/** Their addresses; undefined while loading. */
export function useRequests(loaded: boolean): readonly string[] | undefined {
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

/** Fonts are requests too. */
export function useFontsReady(): boolean {
  const [ready, setReady] = useState(false);
  useEffect(() => void document.fonts.ready.then(() => setReady(true)), []);
  return ready;
}
