// What ran where: the figures behind the claim that nothing is sent.

import type { Compression, Interval, Recommender } from 'halfling';

import { formatBytes, formatCount, formatMilliseconds } from '../format';
import { MODEL_KEYS, MODEL_NAMES, recommenderOf, type ModelKey, type Models } from '../models';
import type { Rankings } from '../rankings';

interface Props {
  readonly models: Models;
  readonly rankings: Rankings;
  /** The model whose figures are shown. */
  readonly shown: ModelKey;
  /** Since loading; undefined while loading. */
  readonly requests: number | undefined;
}

export function Machine({ models, rankings, shown, requests }: Props) {
  const recommender = recommenderOf(models[shown]);
  const info = recommender?.info;
  const stats = rankings[shown]?.stats;
  return (
    <section class="machine" aria-label="What ran where">
      <dl>
        <Figure
          name="requests since loading"
          value={requests === undefined ? '…' : String(requests)}
          strong
        />
        <Figure
          name="last ranking, in a worker"
          value={stats ? formatMilliseconds(stats.milliseconds) : '–'}
        />
        <Figure
          name={`${MODEL_NAMES[shown].toLowerCase()} model`}
          value={info ? formatBytes(info.modelBytes) : '–'}
        />
        <Figure
          name={info ? `engine, ${info.simd} SIMD` : 'engine'}
          value={info ? formatBytes(info.wasmBytes) : '–'}
        />
      </dl>
      <details>
        <summary>Details</summary>
        <div class="machine-details">
          <ModelTable models={models} rankings={rankings} />
          <p>
            The C++ engine runs in Web Workers of this page, as WebAssembly. Requests are counted by
            the browser, in the page and in the workers, from the moment both models were there. Go
            offline and go on picking.
          </p>
        </div>
      </details>
    </section>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly strong?: boolean;
}

function Figure({ name, value, strong = false }: FigureProps) {
  return (
    <div class={strong ? 'figure figure-strong' : 'figure'}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function formatInterval({ mean, low, high }: Interval): string {
  return `${mean.toFixed(4)} (${low.toFixed(4)} – ${high.toFixed(4)})`;
}

function formatMethod({ method, dtype }: Compression): string {
  return method === 'none' ? 'none, as trained' : `${method}, ${dtype}`;
}

/** Both figures come from the halved model's manifest: it was evaluated before and after halving. */
function formatNdcg(models: Models, key: ModelKey): string {
  const evaluation = recommenderOf(models.half)?.info.evaluation;
  const ndcg = evaluation?.[key === 'half' ? 'after' : 'before']['ndcg@10'];
  return ndcg ? formatInterval(ndcg) : 'not evaluated';
}

type Line = readonly [name: string, value: (model: Recommender, key: ModelKey) => string];

function ModelTable({ models, rankings }: Pick<Props, 'models' | 'rankings'>) {
  const lines: readonly Line[] = [
    ['Download', ({ info }) => formatBytes(info.modelBytes)],
    ['Parameters', ({ info }) => formatCount(info.parameters)],
    ['of them in linear layers', ({ info }) => formatCount(info.linearParameters)],
    ['Method', ({ info: { compression } }) => formatMethod(compression)],
    ['NDCG@10, 95 % interval', (_, key) => formatNdcg(models, key)],
    ['Loaded in', ({ info }) => formatMilliseconds(info.loadMilliseconds)],
    [
      'Last ranking',
      (_, key) => {
        const stats = rankings[key]?.stats;
        return stats ? formatMilliseconds(stats.milliseconds) : '–';
      },
    ],
  ];
  return (
    <table>
      <thead>
        <tr>
          <td />
          {MODEL_KEYS.map((key) => (
            <th scope="col" key={key}>
              {MODEL_NAMES[key]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {lines.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {MODEL_KEYS.map((key) => {
              const model = recommenderOf(models[key]);
              const missing = models[key].status === 'failed' ? 'failed' : '…';
              return <td key={key}>{model ? value(model, key) : missing}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
