import { useRef } from 'preact/hooks';

import type { Film } from '../films';
import { useFlip } from '../flip';
import { formatProbability } from '../format';
import { Poster } from './poster';

export interface Row {
  readonly film: Film;
  readonly rank: number;
  /** Natural logarithm of the film's probability to come next; absent for popular films. */
  readonly score?: number;
  /** Ranks gained against the other model's list; 'new' if it is not in that one. */
  readonly gain?: number | 'new';
}

interface Props {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly compact?: boolean;
  readonly onPick: (id: string) => void;
}

export function RankedList({ label, rows, compact = false, onPick }: Props) {
  const list = useRef<HTMLOListElement>(null);
  useFlip(list);
  return (
    <ol class={compact ? 'ranked ranked-compact' : 'ranked'} aria-label={label} ref={list}>
      {rows.map((row) => (
        <li key={row.film.id} data-key={row.film.id}>
          <button type="button" onClick={() => onPick(row.film.id)}>
            <span class="rank">{row.rank}</span>
            <Poster film={row.film} small />
            <span class="ranked-text" title={`I liked ${row.film.title}`}>
              <span class="visually-hidden">I liked </span>
              <span class="ranked-title">{row.film.title}</span>
              <span class="ranked-note">
                {row.film.year}{' '}
                {!compact &&
                  row.film.genres.length > 0 &&
                  `· ${row.film.genres.slice(0, 3).join(', ')}`}
                {row.gain !== undefined && <Gain gain={row.gain} />}
              </span>
            </span>
            {!compact && row.score !== undefined && (
              <span class="chance" title="How likely the model thinks this film comes next">
                {formatProbability(row.score)}
              </span>
            )}
          </button>
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
