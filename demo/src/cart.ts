// The cart: in memory, and on the device while there is consent. Other tabs follow what is stored.

import { useCallback, useEffect, useState } from 'preact/hooks';

const KEY = 'halfling-cart'; // the origin may be others', too

export interface Cart {
  /** Film ids, in the order in which they were added. */
  readonly ids: readonly string[];
  readonly add: (id: string) => void;
  readonly remove: (id: string) => void;
  readonly clear: () => void;
}

/** undefined if nothing is stored, or nothing that is a cart. */
function read(): readonly string[] | undefined {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null');
    return Array.isArray(stored) ? stored.map(String) : undefined;
  } catch {
    return undefined;
  }
}

/** Nothing is stored where the browser forbids it: the cart stays in memory then. */
function write(ids: readonly string[] | undefined): void {
  try {
    if (ids) localStorage.setItem(KEY, JSON.stringify(ids));
    else localStorage.removeItem(KEY);
  } catch {
    // as said
  }
}

/** For as long as the page: it outlives the recommender, which knows of the consent. */
export function useCart(): Cart {
  const [ids, setIds] = useState<readonly string[]>(() => read() ?? []);

  useEffect(() => {
    // Nothing stored: consent was withdrawn in another tab, and this one goes on in memory.
    const follow = ({ key }: StorageEvent) => {
      if (key === KEY) setIds((mine) => read() ?? mine);
    };
    addEventListener('storage', follow);
    return () => removeEventListener('storage', follow);
  }, []);

  const add = useCallback((id: string) => setIds((all) => [...new Set([...all, id])]), []);
  const remove = useCallback((id: string) => setIds((all) => all.filter((it) => it !== id)), []);
  const clear = useCallback(() => setIds([]), []);
  return { ids, add, remove, clear };
}

/** Keeps the cart on the device, or off it. */
export function useStoredCart({ ids }: Cart, consent: boolean): void {
  useEffect(() => write(consent ? ids : undefined), [consent, ids]);
}
