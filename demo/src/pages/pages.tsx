import { useEffect } from 'preact/hooks';

import type { Route } from '../router';
import { useShop } from '../shop';
import { CartPage } from './cart-page';
import { FilmPage } from './film-page';
import { HomePage } from './home-page';
import { HowPage } from './how-page';
import { NotFound } from './not-found';
import { SearchPage } from './search-page';

const TITLES: Readonly<Record<Route['page'], string>> = {
  home: 'films chosen on your device',
  film: 'film',
  search: 'browse films',
  cart: 'your cart',
  how: 'how it works',
};

export function Pages({ route }: { readonly route: Route }) {
  const { filmOf } = useShop();
  const film = route.page === 'film' ? filmOf(route.id) : undefined;
  const title = film?.title ?? TITLES[route.page];
  useEffect(() => {
    document.title = `Halfling · ${title}`;
  }, [title]);

  switch (route.page) {
    case 'home':
      return <HomePage />;
    case 'film':
      return film ? <FilmPage key={film.id} film={film} /> : <NotFound />;
    case 'search':
      return <SearchPage query={route.query} genre={route.genre} />;
    case 'cart':
      return <CartPage />;
    case 'how':
      return <HowPage />;
  }
}
