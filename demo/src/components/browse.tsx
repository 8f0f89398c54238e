import { flushSync } from 'preact/compat';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { listGenres, search, type Film } from '../films';
import { findPreset, PRESETS } from '../presets';
import { FilmCard } from './film-card';

interface Props {
  /** Most popular first. Empty while loading. */
  readonly films: readonly Film[];
  readonly picked: ReadonlySet<string>;
  readonly onToggle: (id: string) => void;
  readonly onPreset: (ids: readonly string[]) => void;
}

const PAGE = 36;

export function Browse({ films, picked, onToggle, onPreset }: Props) {
  const [query, setQuery] = useState('');
  const [genre, setGenre] = useState('');
  const [shown, setShown] = useState(PAGE);
  const genres = useMemo(() => listGenres(films), [films]);
  const found = useMemo(
    () => search(genre ? films.filter((film) => film.genres.includes(genre)) : films, query),
    [films, genre, query],
  );
  const grid = useRef<HTMLUListElement>(null);
  const showMore = () => setShown((count) => count + PAGE);
  const pressMore = () => {
    flushSync(showMore);
    grid.current?.children[shown]?.querySelector('button')?.focus();
  };
  useEffect(() => setShown(PAGE), [query, genre]);

  return (
    <section class="browse" aria-label="Films">
      <div class="browse-tools">
        <label class="search">
          <span class="visually-hidden">Search the films by title or year</span>
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="M9 3a6 6 0 1 0 3.7 10.7l3.8 3.8 1.4-1.4-3.8-3.8A6 6 0 0 0 9 3Zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8Z" />
          </svg>
          <input
            type="search"
            placeholder={
              films.length ? `Search ${films.length.toLocaleString('en')} films` : 'Search films'
            }
            value={query}
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
        </label>
        <PresetRow films={films} onPreset={onPreset} />
        <GenreRow genres={genres} selected={genre} onSelect={setGenre} />
      </div>
      {found.length === 0 && films.length > 0 && (
        <p class="nothing">
          No film matches{query && <> “{query}”</>}
          {genre && <> in {genre}</>}. The catalogue ends in 1998.
        </p>
      )}
      <ul class="grid" ref={grid}>
        {found.slice(0, shown).map((film) => (
          <FilmCard key={film.id} film={film} picked={picked.has(film.id)} onToggle={onToggle} />
        ))}
      </ul>
      {found.length > shown && (
        <MoreButton onView={showMore} onPress={pressMore} left={found.length - shown} />
      )}
    </section>
  );
}

function PresetRow({ films, onPreset }: Pick<Props, 'films' | 'onPreset'>) {
  const presets = useMemo(
    () =>
      PRESETS.map((preset) => ({ preset, ids: findPreset(preset, films).map((film) => film.id) })),
    [films],
  );
  return (
    <div class="row" role="group" aria-label="Start from an example">
      <span class="row-label">Try</span>
      {presets
        .filter(({ ids }) => ids.length > 1)
        .map(({ preset, ids }) => (
          <button type="button" class="preset" key={preset.name} onClick={() => onPreset(ids)}>
            {preset.name}
          </button>
        ))}
    </div>
  );
}

interface GenreRowProps {
  readonly genres: readonly string[];
  readonly selected: string;
  readonly onSelect: (genre: string) => void;
}

function GenreRow({ genres, selected, onSelect }: GenreRowProps) {
  return (
    <div class="row genres" role="group" aria-label="Genre">
      {['', ...genres].map((genre) => (
        <button
          type="button"
          class="genre"
          key={genre}
          aria-pressed={genre === selected}
          onClick={() => onSelect(genre)}
        >
          {genre || 'All'}
        </button>
      ))}
    </div>
  );
}

interface MoreButtonProps {
  readonly onView: () => void;
  readonly onPress: () => void;
  readonly left: number;
}

const byKeyboard = () =>
  document.querySelector('.grid :focus-visible, .more:focus-visible') !== null;

/**
 * More films come by themselves when it comes into view, but not while the keyboard is among them:
 * nobody could ever tab past them.
 */
function MoreButton({ onView, onPress, left }: MoreButtonProps) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!button.current) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && !byKeyboard() && onView(),
      { rootMargin: '400px' },
    );
    observer.observe(button.current);
    return () => observer.disconnect();
  }, [left]);
  return (
    <button type="button" class="more" ref={button} onClick={onPress}>
      Show more ({left} left)
    </button>
  );
}
