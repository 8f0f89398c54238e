import { flushSync } from 'preact/compat';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { FilmCard } from '../components/film-card';
import { PopularShelf } from '../components/shelves';
import { listGenres, search } from '../films';
import { plural } from '../format';
import { searchUrl } from '../router';
import { useShop } from '../shop';

interface Props {
  readonly query: string;
  readonly genre: string;
}

const PAGE = 36;

export function SearchPage({ query, genre }: Props) {
  const { films } = useShop();
  const [shown, setShown] = useState(PAGE);
  const found = useMemo(
    () => search(genre ? films.filter((film) => film.genres.includes(genre)) : films, query),
    [films, genre, query],
  );
  const grid = useRef<HTMLUListElement>(null);
  useEffect(() => setShown(PAGE), [query, genre]);
  const showMore = () => {
    flushSync(() => setShown((count) => count + PAGE));
    grid.current?.children[shown]?.querySelector('a')?.focus();
  };

  return (
    <>
      <h1 class="page-title" tabIndex={-1}>
        {query ? `“${query}”` : genre || 'All films'}
      </h1>
      <p class="note" role="status">
        {plural(found.length, 'film')}
        {query && genre && ` in ${genre}`}
        {!query && ', most viewed first'}
      </p>
      <Genres query={query} selected={genre} />
      {found.length === 0 && (
        <>
          <p class="nothing">No film matches. The catalogue ends in 1998.</p>
          <PopularShelf />
        </>
      )}
      <ul class="grid" ref={grid}>
        {found.slice(0, shown).map((film) => (
          <FilmCard key={film.id} film={film} />
        ))}
      </ul>
      {found.length > shown && (
        <button type="button" class="button more" onClick={showMore}>
          Show more ({found.length - shown} left)
        </button>
      )}
    </>
  );
}

function Genres({ query, selected }: { readonly query: string; readonly selected: string }) {
  const { films } = useShop();
  const genres = useMemo(() => listGenres(films), [films]);
  return (
    <nav class="chips chips-row" aria-label="Genres">
      {['', ...genres].map((genre) => (
        <a
          class="chip"
          key={genre}
          href={searchUrl(query, genre)}
          aria-current={genre === selected ? 'true' : undefined}
        >
          {genre || 'All'}
        </a>
      ))}
    </nav>
  );
}
