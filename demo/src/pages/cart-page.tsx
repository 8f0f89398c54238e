import { useState } from 'preact/hooks';

import { CrossIcon } from '../components/icons';
import { Poster } from '../components/poster';
import { Shelf } from '../components/shelf';
import { PopularShelf, useList } from '../components/shelves';
import type { Film } from '../films';
import { focusHeading } from '../focus';
import { formatPrice, plural } from '../format';
import { filmUrl } from '../router';
import { useShop } from '../shop';

export function CartPage() {
  const { cart, filmOf, track } = useShop();
  const [bought, setBought] = useState(0);
  const films = cart.ids.flatMap((id) => filmOf(id) ?? []);
  const buy = () => {
    track('purchase', ...cart.ids);
    setBought(films.length);
    cart.clear();
    focusHeading();
  };
  const thanks = `Thank you! ${plural(bought, 'film')} bought, as far as a demonstration sells any.`;
  return (
    <>
      <h1 class="page-title" tabIndex={-1}>
        Your cart
      </h1>
      <p class={films.length > 0 ? 'visually-hidden' : 'nothing'} role="status">
        {films.length === 0 && (bought > 0 ? thanks : 'It is empty.')}
      </p>
      {films.length > 0 ? (
        <>
          <CartTable films={films} onBuy={buy} />
          <GoesWith films={films} />
        </>
      ) : (
        <PopularShelf />
      )}
    </>
  );
}

interface CartTableProps {
  readonly films: readonly Film[];
  readonly onBuy: () => void;
}

function CartTable({ films, onBuy }: CartTableProps) {
  const { cart } = useShop();
  const total = films.reduce((sum, film) => sum + film.price, 0);
  return (
    <div class="cart">
      <ul>
        {films.map((film) => (
          <li class="cart-item" key={film.id}>
            <a href={filmUrl(film.id)}>
              <Poster film={film} small />
              <span>
                <span class="cart-title">{film.title}</span>
                <span class="note">{film.year}</span>
              </span>
            </a>
            <span class="price">{formatPrice(film.price)}</span>
            <button
              type="button"
              class="round"
              aria-label={`Remove ${film.title}`}
              onClick={() => {
                cart.remove(film.id);
                focusHeading();
              }}
            >
              <CrossIcon />
            </button>
          </li>
        ))}
      </ul>
      <p class="cart-total">
        Total <strong>{formatPrice(total)}</strong>
      </p>
      <button type="button" class="button button-strong" onClick={onBuy}>
        Buy {plural(films.length, 'film')}
      </button>
    </div>
  );
}

function GoesWith({ films }: Pick<CartTableProps, 'films'>) {
  const list = useList({ history: films.map(({ id }) => id) });
  return <Shelf heading="Goes with your cart" films={list} />;
}
