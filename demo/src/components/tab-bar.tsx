// On a phone only one of films and list is in view; the bar shows the top of the list all the same.

import type { Film } from '../films';
import { Poster } from './poster';

export type Tab = 'films' | 'list';

interface Props {
  readonly tab: Tab;
  readonly onTab: (tab: Tab) => void;
  readonly numPicks: number;
  /** The list's first films. */
  readonly top: readonly Film[];
}

export function TabBar({ tab, onTab, numPicks, top }: Props) {
  return (
    <nav class="tab-bar" aria-label="Views">
      <button type="button" aria-pressed={tab === 'films'} onClick={() => onTab('films')}>
        <span>Films</span>
        <small>{numPicks === 0 ? 'pick some' : `${numPicks} picked`}</small>
      </button>
      <button type="button" aria-pressed={tab === 'list'} onClick={() => onTab('list')}>
        <span>{numPicks === 0 ? 'Popular' : 'For you'}</span>
        <span class="tab-posters">
          {top.slice(0, 4).map((film) => (
            <Poster key={film.id} film={film} small />
          ))}
        </span>
      </button>
    </nav>
  );
}
