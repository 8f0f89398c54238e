import type { Film } from '../films';
import { filmUrl } from '../router';
import { Poster } from './poster';

export interface Row {
  readonly film: Film;
  readonly rank: number;
  /** Ranks gained against the other model's list; 'new' if it is not in that one. */
  readonly gain?: number | 'new';
}

interface Props {
  readonly label: string;
  readonly rows: readonly Row[];
}

export function RankedList({ label, rows }: Props) {
  return (
    <ol class="ranked" aria-label={label}>
      {rows.map(({ film, rank, gain }) => (
        <li key={film.id}>
          <a href={filmUrl(film.id)}>
            <span class="rank">{rank}</span>
            <Poster film={film} small />
            <span class="ranked-text">
              <span class="ranked-title">{film.title}</span>{' '}
              <span class="note">
                {film.year} {gain !== undefined && <Gain gain={gain} />}
              </span>
            </span>
          </a>
        </li>
      ))}
    </ol>
  );
}

function Gain({ gain }: { readonly gain: number | 'new' }) {
  if (gain === 'new') return <span class="gain gain-new">only here</span>;
  if (gain === 0) return <span class="gain">same</span>;
  return (
    <span class={gain > 0 ? 'gain gain-up' : 'gain gain-down'}>
      <span aria-hidden="true">{gain > 0 ? '▲' : '▼'}</span>
      <span class="visually-hidden">{gain > 0 ? 'up' : 'down'}</span> {Math.abs(gain)}
    </span>
  );
}
