// What every component of the shop may use.

import type { EventType, HistoryEvent, Recommender } from 'halfling';
import { createContext } from 'preact';
import { useContext, useMemo } from 'preact/hooks';

import type { Cart } from './cart';
import { byPopularity, toFilm, type Film } from './films';
import type { Family, Models } from './models';

export interface Shop {
  readonly models: Models;
  /** With the halved model. */
  readonly recommender: Recommender;
  /** Most popular first. */
  readonly films: readonly Film[];
  readonly filmOf: (id: string) => Film | undefined;
  readonly events: readonly HistoryEvent[];
  /** Unless the history would not be wiser for it. */
  readonly track: (type: EventType, ...ids: readonly string[]) => void;
  readonly consent: boolean;
  readonly cart: Cart;
  readonly openPrivacy: () => void;
  /** Which two models are loaded. */
  readonly family: Family;
  readonly setFamily: (family: Family) => void;
}

export const ShopContext = createContext<Shop | undefined>(undefined);

export function useShop(): Shop {
  const shop = useContext(ShopContext);
  if (!shop) throw new Error('This component belongs inside a ShopContext.Provider.');
  return shop;
}

export function useFilms(recommender: Recommender): Pick<Shop, 'films' | 'filmOf'> {
  return useMemo(() => {
    const films = byPopularity(recommender.items.map(toFilm));
    const byId = new Map(films.map((film) => [film.id, film]));
    return { films, filmOf: (id) => byId.get(id) };
  }, [recommender]);
}
