import { memo } from 'preact/compat';

import type { Film } from '../films';
import { Poster } from './poster';

interface Props {
  readonly film: Film;
  readonly picked: boolean;
  readonly onToggle: (id: string) => void;
}

export const FilmCard = memo(function FilmCard({ film, picked, onToggle }: Props) {
  const name = film.year ? `${film.title} (${film.year})` : film.title;
  return (
    <li class="card">
      <button
        type="button"
        aria-pressed={picked}
        aria-label={name}
        title={picked ? `Take ${name} off your picks` : `I liked ${name}`}
        onClick={() => onToggle(film.id)}
      >
        <Poster film={film} />
        <span class="heart" aria-hidden="true">
          <svg viewBox="0 0 24 24">
            <path d="M12 20.5S3 15 3 8.8C3 5.900 5.200 4 7.600 4c1.800 0 3.400 1 4.400 2.700C13 5 14.600 4 16.400 4 18.800 4 21 5.900 21 8.800c0 6.200-9 11.700-9 11.700Z" />
          </svg>
        </span>
        <span class="card-note">
          {film.year}
          {film.genres.length > 0 && ` · ${film.genres.slice(0, 2).join(', ')}`}
        </span>
      </button>
    </li>
  );
});
