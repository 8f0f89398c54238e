import { flushSync } from 'preact/compat';
import { useLayoutEffect, useRef } from 'preact/hooks';

import { CrossIcon, HeartIcon } from '../components/icons';
import { Poster } from '../components/poster';
import { Reasons } from '../components/reasons';
import { SimilarShelf } from '../components/shelves';
import type { Film } from '../films';
import { formatPrice } from '../format';
import { CART, searchUrl } from '../router';
import { useShop } from '../shop';
import { lastSaid } from '../visitor';

export function FilmPage({ film }: { readonly film: Film }) {
  const { track } = useShop();
  // Not after the next paint, before which a quick visitor may have gone.
  useLayoutEffect(() => track('view', film.id), [film.id]);
  return (
    <>
      <article class="film">
        <div class="film-cover">
          <Poster film={film} />
        </div>
        <div class="film-text">
          <p class="film-facts">
            {film.year}
            {film.genres.map((genre) => (
              <a class="chip" key={genre} href={searchUrl('', genre)}>
                {genre}
              </a>
            ))}
          </p>
          <h1 tabIndex={-1}>{film.title}</h1>
          <p class="film-price">{formatPrice(film.price)}</p>
          <Actions film={film} />
          <Reasons film={film} />
        </div>
      </article>
      <SimilarShelf film={film} />
    </>
  );
}

function Actions({ film }: { readonly film: Film }) {
  const { cart, events, track } = useShop();
  const said = lastSaid(events, film.id);
  const inCart = useRef<HTMLAnchorElement>(null);
  const addToCart = () => {
    flushSync(() => cart.add(film.id));
    inCart.current?.focus(); // it is where the button was
    track('add-to-cart', film.id);
  };
  return (
    <div class="film-actions">
      {cart.ids.includes(film.id) ? (
        <a class="button button-strong" href={CART} ref={inCart}>
          In the cart: see it
        </a>
      ) : (
        <button type="button" class="button button-strong" onClick={addToCart}>
          Add to cart
        </button>
      )}
      <button
        type="button"
        class="button"
        aria-pressed={said === 'like'}
        onClick={() => track('like', film.id)}
      >
        <HeartIcon />
        {said === 'like' ? 'Liked' : 'Like'}
      </button>
      <button
        type="button"
        class="button"
        aria-pressed={said === 'dismiss'}
        onClick={() => track('dismiss', film.id)}
      >
        <CrossIcon />
        Not for me
      </button>
    </div>
  );
}
