import type { Compression, Interval, Recommender } from 'halfling';

import type { Comparison } from '../comparison';
import { formatBytes, formatCount, formatMilliseconds, formatPercent } from '../format';
import { MODEL_COLUMNS, MODEL_NAMES, recommenderOf, type ModelKey, type Models } from '../models';

interface Props {
  readonly models: Models;
  readonly comparison: Comparison;
  /** Just what the two cost and what they are worth. */
  readonly brief?: boolean;
}

function formatInterval({ mean, low, high }: Interval): string {
  return `${mean.toFixed(4)} (${low.toFixed(4)} – ${high.toFixed(4)})`;
}

function formatMethod({ method, dtype }: Compression): string {
  return method === 'none' ? 'none, as trained' : `${method}, ${dtype}`;
}

/** Both figures come from the halved model's manifest: it was evaluated before and after halving. */
function formatNdcg(models: Models, key: ModelKey): string {
  const ndcg = evaluationOf(models)?.[key === 'half' ? 'after' : 'before']['ndcg@10'];
  return ndcg ? formatInterval(ndcg) : 'not evaluated';
}

function evaluationOf(models: Models) {
  return recommenderOf(models.half)?.info.evaluation;
}

type Line = readonly [name: string, value: (model: Recommender, key: ModelKey) => string];

function linesOf({ models, comparison, brief = false }: Props): readonly Line[] {
  const size: Line = ['Download', ({ info }) => formatBytes(info.modelBytes)];
  const time: Line = [
    'One ranking',
    (_, key) => {
      const milliseconds = comparison[key]?.milliseconds;
      return milliseconds === undefined ? '–' : formatMilliseconds(milliseconds);
    },
  ];
  if (brief) return [size, time];
  return [
    size,
    ['Parameters', ({ info }) => formatCount(info.parameters)],
    ['of them in linear layers', ({ info }) => formatCount(info.linearParameters)],
    ['Method', ({ info: { compression } }) => formatMethod(compression)],
    ['NDCG@10, 95 % interval', (_, key) => formatNdcg(models, key)],
    ['Loaded in', ({ info }) => formatMilliseconds(info.loadMilliseconds)],
    time,
  ];
}

export function ModelTable(props: Props) {
  const { models } = props;
  const change = evaluationOf(models)?.ndcg10RelativeChange;
  return (
    <>
      <table class="table">
        <thead>
          <tr>
            <td />
            {MODEL_COLUMNS.map((key) => (
              <th scope="col" key={key}>
                {MODEL_NAMES[key]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {linesOf(props).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {MODEL_COLUMNS.map((key) => {
                const model = recommenderOf(models[key]);
                const missing = models[key].status === 'failed' ? 'failed' : '…';
                return <td key={key}>{model ? value(model, key) : missing}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="note">
        {change &&
          `Halving changed NDCG@10 by ${formatPercent(change.mean)} (95 % interval ${formatPercent(change.low)} to ${formatPercent(change.high)}). `}
        A ranking is the median of five, each from scratch, measured here.
      </p>
    </>
  );
}
