import type { ComponentChildren } from 'preact';
import { useId, useRef } from 'preact/hooks';

import type { Film } from '../films';
import { FilmCard } from './film-card';
import { ArrowIcon } from './icons';

interface Props {
  readonly heading: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly films: readonly Film[];
}

/** A row of films that scrolls sideways. */
export function Shelf({ heading, note, films }: Props) {
  const id = useId();
  const row = useRef<HTMLUListElement>(null);
  const scroll = (direction: 1 | -1) => {
    row.current?.scrollBy({ left: direction * row.current.clientWidth * 0.8 });
  };
  if (films.length === 0) return null;
  return (
    <section class="shelf" aria-labelledby={id}>
      <div class="shelf-head">
        <h2 id={id}>{heading}</h2>
        {note && <p class="note">{note}</p>}
        {/* For the mouse alone: the keyboard and the finger move along the films themselves. */}
        <span class="shelf-arrows" aria-hidden="true">
          <button type="button" class="round back" tabIndex={-1} onClick={() => scroll(-1)}>
            <ArrowIcon />
          </button>
          <button type="button" class="round" tabIndex={-1} onClick={() => scroll(1)}>
            <ArrowIcon />
          </button>
        </span>
      </div>
      <ul class="shelf-row" ref={row}>
        {films.map((film) => (
          <FilmCard key={film.id} film={film} />
        ))}
      </ul>
    </section>
  );
}
