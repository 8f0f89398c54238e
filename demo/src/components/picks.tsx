import { useRef } from 'preact/hooks';

import type { Film } from '../films';
import { useKeptFocus } from '../focus';
import { Poster } from './poster';

interface Props {
  /** Oldest first, as the model reads them. */
  readonly picks: readonly Film[];
  readonly onRemove: (id: string) => void;
  readonly onClear: () => void;
}

export function Picks({ picks, onRemove, onClear }: Props) {
  const section = useRef<HTMLElement>(null);
  useKeptFocus(section);
  return (
    <section class="picks" aria-label="Your picks" ref={section}>
      <div class="picks-head">
        <h2 tabIndex={-1}>You liked</h2>
        {picks.length > 0 && (
          <button type="button" class="quiet" onClick={onClear}>
            Clear
          </button>
        )}
      </div>
      {picks.length === 0 ? (
        <p class="hint">
          Nothing yet. Pick a film you liked, and the list below becomes yours. What you pick stays
          in this tab.
        </p>
      ) : (
        <ul class="chips">
          {[...picks].reverse().map((film) => (
            <li key={film.id}>
              <button
                type="button"
                class="chip"
                aria-label={`Remove ${film.title}`}
                title={`Remove ${film.title}`}
                onClick={() => onRemove(film.id)}
              >
                <Poster film={film} small />
                <span class="chip-title">{film.title}</span>
                <span class="chip-x" aria-hidden="true">
                  ×
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
