// Lets the rows of a re-ranked list glide from their old places to their new ones.

import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** `list`'s children carry data-key. Runs after every render. */
export function useFlip(list: RefObject<HTMLElement>): void {
  const places = useRef(new Map<string, number>());

  useLayoutEffect(() => {
    const before = places.current;
    const now = new Map<string, number>();
    for (const row of list.current?.children ?? []) {
      if (!(row instanceof HTMLElement)) continue;
      const key = row.dataset['key'] ?? '';
      now.set(key, row.offsetTop);
      const old = before.get(key);
      if (still() || before.size === 0 || old === row.offsetTop) continue;
      const from =
        old === undefined ? { opacity: 0 } : { transform: `translateY(${old - row.offsetTop}px)` };
      row.animate([from, {}], { duration: 320, easing: 'cubic-bezier(.2,.8,.2,1)' });
    }
    places.current = now;
  });
}
