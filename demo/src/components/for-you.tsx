import { useRef } from 'preact/hooks';

import type { Film } from '../films';
import { useKeptFocus } from '../focus';
import { formatBytes } from '../format';
import { MODEL_KEYS, MODEL_NAMES, recommenderOf, type ModelKey, type Models } from '../models';
import { LIST_LENGTH, type RankingResult, type Rankings } from '../rankings';
import { RankedList, type Row } from './ranked-list';

export type View = ModelKey | 'both';

interface Props {
  readonly models: Models;
  readonly rankings: Rankings;
  readonly films: ReadonlyMap<string, Film>;
  /** Most popular first. */
  readonly popular: readonly Film[];
  readonly hasPicks: boolean;
  readonly view: View;
  readonly onView: (view: View) => void;
  readonly onPick: (id: string) => void;
}

const VIEW_NAMES: Readonly<Record<View, string>> = { ...MODEL_NAMES, both: 'Side by side' };
const VIEWS: readonly View[] = ['half', 'original', 'both'];

function toRows(result: RankingResult | undefined, films: ReadonlyMap<string, Film>): Row[] {
  return (result?.recommendations ?? []).flatMap(({ id, rank, score }) => {
    const film = films.get(id);
    return film ? [{ film, rank, score }] : [];
  });
}

/** `rows` with what each film gained against `others`. */
function compare(rows: readonly Row[], others: readonly Row[]): Row[] {
  return rows.map((row) => {
    const other = others.find(({ film }) => film.id === row.film.id);
    return { ...row, gain: other ? other.rank - row.rank : 'new' };
  });
}

export function ForYou(props: Props) {
  const { models, rankings, films, hasPicks, view, onView, onPick } = props;
  const failure = MODEL_KEYS.map((key) => rankings[key]?.error).find(Boolean);
  const section = useRef<HTMLElement>(null);
  useKeptFocus(section);
  return (
    <section class="for-you" aria-label="Recommended" ref={section}>
      <div class="for-you-head">
        <h2 tabIndex={-1}>{hasPicks ? 'Next for you' : 'Popular, to begin with'}</h2>
        <div class="switch" role="group" aria-label="Model">
          {VIEWS.map((name) => (
            <button
              type="button"
              key={name}
              aria-pressed={name === view}
              onClick={() => onView(name)}
            >
              {VIEW_NAMES[name]}
            </button>
          ))}
        </div>
      </div>
      <Loading models={models} view={view} />
      {failure && (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
      {!hasPicks ? (
        <RankedList
          label="Popular films"
          rows={props.popular.slice(0, LIST_LENGTH).map((film, i) => ({ film, rank: i + 1 }))}
          onPick={onPick}
        />
      ) : view === 'both' ? (
        <SideBySide models={models} rankings={rankings} films={films} onPick={onPick} />
      ) : (
        <RankedList
          label={`Recommended by the ${MODEL_NAMES[view].toLowerCase()} model`}
          rows={toRows(rankings[view], films)}
          onPick={onPick}
        />
      )}
    </section>
  );
}

type SideBySideProps = Pick<Props, 'models' | 'rankings' | 'films' | 'onPick'>;

function SideBySide({ models, rankings, films, onPick }: SideBySideProps) {
  const original = toRows(rankings.original, films);
  const half = toRows(rankings.half, films);
  const lists = { original, half: compare(half, original) };
  const common = half.filter((row) => original.some(({ film }) => film.id === row.film.id)).length;
  return (
    <>
      <div class="pair">
        {(['original', 'half'] as const).map((key) => {
          const info = recommenderOf(models[key])?.info;
          return (
            <div key={key}>
              <h3>
                {MODEL_NAMES[key]} <span>{info && formatBytes(info.modelBytes)}</span>
              </h3>
              <RankedList
                label={`Recommended by the ${MODEL_NAMES[key].toLowerCase()} model`}
                rows={lists[key]}
                compact
                onPick={onPick}
              />
            </div>
          );
        })}
      </div>
      {original.length > 0 && half.length > 0 && (
        <p class="hint">
          {common} of {half.length} films are in both lists.
        </p>
      )}
    </>
  );
}

function Loading({ models, view }: Pick<Props, 'models' | 'view'>) {
  return (
    <>
      {MODEL_KEYS.filter((key) => view === 'both' || key === view).map((key) => {
        const model = models[key];
        const name = `the ${MODEL_NAMES[key].toLowerCase()} model`;
        if (model.status === 'failed') {
          return (
            <p class="failure" key={key} role="alert">
              Could not load {name}: {model.message}
            </p>
          );
        }
        if (model.status === 'ready') return null;
        const progress = model.status === 'loading' ? model.progress : undefined;
        return (
          <label class="loading" key={key}>
            Loading {name}
            {progress &&
              ` · ${formatBytes(progress.loadedBytes)} of ${formatBytes(progress.totalBytes)}`}
            <progress {...(progress && { value: progress.loadedBytes / progress.totalBytes })} />
          </label>
        );
      })}
    </>
  );
}
