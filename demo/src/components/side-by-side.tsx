import type { Comparison } from '../comparison';
import { MODEL_COLUMNS, MODEL_NAMES, type ModelKey, type Models } from '../models';
import { useShop } from '../shop';
import { RankedList, type Row } from './ranked-list';

interface Props {
  readonly models: Models;
  readonly comparison: Comparison;
}

/** `rows` with what each film gained against `others`. */
function compare(rows: readonly Row[], others: readonly Row[]): Row[] {
  return rows.map((row) => {
    const other = others.find(({ film }) => film.id === row.film.id);
    return { ...row, gain: other ? other.rank - row.rank : 'new' };
  });
}

export function SideBySide({ models, comparison }: Props) {
  const { filmOf } = useShop();
  const toRows = (key: ModelKey): Row[] =>
    (comparison[key]?.recommendations ?? []).flatMap(({ id, rank }) => {
      const film = filmOf(id);
      return film ? [{ film, rank }] : [];
    });
  const original = toRows('original');
  const half = toRows('half');
  const rows = { original, half: original.length > 0 ? compare(half, original) : half };
  const common = rows.half.filter(({ gain }) => typeof gain === 'number').length;
  return (
    <>
      <div class="pair">
        {MODEL_COLUMNS.map((key) => (
          <div key={key}>
            <h3>{MODEL_NAMES[key]}</h3>
            <Standing models={models} comparison={comparison} of={key} />
            <RankedList
              label={`Recommended by the ${MODEL_NAMES[key].toLowerCase()} model`}
              rows={rows[key]}
            />
          </div>
        ))}
      </div>
      {original.length > 0 && half.length > 0 && (
        <p class="note">
          {common} of {half.length} films are in both lists.
        </p>
      )}
    </>
  );
}

/** Why a column has no list: it failed, or is still to come, as a large original takes its time. */
function Standing({ models, comparison, of: key }: Props & { readonly of: ModelKey }) {
  const model = models[key];
  const problem =
    model.status === 'failed'
      ? `Could not load the ${MODEL_NAMES[key].toLowerCase()} model: ${model.message}`
      : comparison[key]?.error;
  if (problem) {
    return (
      <p class="failure" role="alert">
        {problem}
      </p>
    );
  }
  if (comparison[key]) return null;
  return <p class="note">{model.status === 'ready' ? 'Ranking …' : 'Loading …'}</p>;
}
