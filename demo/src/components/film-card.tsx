import { memo } from 'preact/compat';

import type { Film } from '../films';
import { formatPrice } from '../format';
import { filmUrl } from '../router';
import { Poster } from './poster';

export const FilmCard = memo(function FilmCard({ film }: { readonly film: Film }) {
  return (
    <li class="card">
      <a href={filmUrl(film.id)} title={film.title}>
        <Poster film={film} />
        <span class="visually-hidden">{film.title}</span>
        <span class="card-note">
          <span class="card-genres">{[film.year, film.genres[0]].filter(Boolean).join(' · ')}</span>
          <span class="price">{formatPrice(film.price)}</span>
        </span>
      </a>
    </li>
  );
});
