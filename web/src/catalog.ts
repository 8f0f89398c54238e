// The catalogue on the page: the site's own items beside the engine's indices, and the translation
// of options, which name ids and functions, into requests of indices and weights.

import { checkFunction, checkRange, invalid, isWithin } from './checks.js';
import { HalflingError } from './errors.js';
import type { Ranking, RankRequest } from './protocol.js';
import type { CatalogItem, RankOptions, Recommendation } from './types.js';

// Of the engine: for `limit` and `beamWidth`, and for boosts.
const MAX_WIDTH = 1000;
const MAX_BOOST = 1_000_000;

export interface Seen {
  /** Item ids, oldest first: what the model is told. */
  readonly history: readonly string[];
  /** Ids that must not be returned; unknown ones do not matter. */
  readonly hidden: Iterable<string>;
}

/** What a ranking is made of; the options are checked. */
export interface Query extends RankRequest {
  /** How many to keep in the end: `limit` is how many to rank. */
  readonly wanted: number;
  readonly threshold: number;
  readonly diversity: number;
}

function checkWidth(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_WIDTH) return value;
  throw invalid(name, value, `a whole number from 1 to ${MAX_WIDTH}`);
}

/** Told of a list of ids, by the option's name, of which these are not in the catalogue. */
export type OnUnknown = (name: string, unknown: readonly string[]) => void;

export class Catalog<Item> {
  readonly records: readonly CatalogItem[];
  /** The site's own item at each index; undefined where it has none. */
  readonly items: readonly (Item | undefined)[];
  readonly #isComplete: boolean;
  readonly #indices: ReadonlyMap<string, number>;
  readonly #onUnknown: OnUnknown;
  #popularity: Float32Array | undefined;

  constructor(
    records: readonly CatalogItem[],
    toItem: (record: CatalogItem) => Item | undefined = (record) => record as Item,
    onUnknown: OnUnknown = () => undefined,
  ) {
    this.#onUnknown = onUnknown;
    this.records = records;
    this.items = records.map(toItem);
    this.#isComplete = this.items.every((item) => item !== undefined);
    this.#indices = new Map(records.map(({ id }, index) => [id, index]));
  }

  has(id: string): boolean {
    return this.#indices.has(id);
  }

  /** Throws 'unknown-item'; `name` says where the id stood. */
  indexOf(name: string, id: string): number {
    const index = this.#indices.get(id);
    if (index !== undefined) return index;
    throw new HalflingError(
      'unknown-item',
      `\`${name}\` names the item ${JSON.stringify(id)}, which the model's catalogue does not have: ask recommender.has() first.`,
    );
  }

  recordOf(id: string): CatalogItem {
    return this.records[this.indexOf('id', id)] as CatalogItem;
  }

  /** Those that the model knows: a site sells things that are newer than its model. */
  toIndices(name: string, ids: readonly string[]): Int32Array {
    if (!Array.isArray(ids) || ids.some((id) => typeof id !== 'string')) {
      throw invalid(name, ids, 'an array of item ids, which are strings');
    }
    const unknown = (ids as readonly string[]).filter((id) => !this.#indices.has(id));
    if (unknown.length > 0) this.#onUnknown(name, unknown);
    return Int32Array.from((ids as readonly string[]).flatMap((id) => this.#indices.get(id) ?? []));
  }

  /** Throws 'invalid-request', and what the caller's functions throw. */
  toQuery(options: RankOptions<Item>, { history, hidden }: Seen, beamWidth?: number): Query {
    const wanted = checkWidth('limit', options.limit ?? 10);
    const threshold = options.threshold ?? -Infinity;
    const diversity = checkRange('diversity', options.diversity ?? 0, 0, 1);
    const told = this.toIndices('history', history); // before `hidden`, which may be the same
    const exclude = new Set(this.toIndices('exclude', options.exclude ?? []));
    for (const id of hidden) {
      const index = this.#indices.get(id);
      if (index !== undefined) exclude.add(index);
    }
    checkFunction('filter', options.filter);
    checkFunction('boost', options.boost);
    checkFunction('similarity', options.similarity);
    const boosts = this.#toBoosts(options);
    boosts?.forEach((boost, index) => {
      if (boost > -Infinity) return;
      exclude.add(index);
      boosts[index] = 0;
    });
    return {
      history: told,
      wanted,
      threshold: checkRange('threshold', threshold, -Infinity, Infinity),
      diversity,
      // Diversity chooses among more than it returns.
      limit: diversity > 0 ? Math.min(MAX_WIDTH, Math.max(4 * wanted, 40)) : wanted,
      ...(beamWidth !== undefined && { beamWidth: checkWidth('beamWidth', beamWidth) }),
      exclude: Int32Array.from(exclude),
      allow: this.#toAllowed(options),
      boosts,
    };
  }

  /** The item's score while nothing is known of the visitor. */
  popularityScore(index: number): number {
    this.#popularity ??= this.#toPopularity();
    return this.#popularity[index] as number;
  }

  /** The answer to a query that has no history. */
  rankByPopularity({ limit, exclude, allow, boosts }: RankRequest): Ranking {
    this.#popularity ??= this.#toPopularity();
    const scores = this.#popularity;
    const allowed = new Uint8Array(scores.length).fill(allow ? 0 : 1);
    for (const index of allow ?? []) allowed[index] = 1;
    for (const index of exclude) allowed[index] = 0;
    const value = (index: number) => (scores[index] as number) + (boosts?.[index] ?? 0);
    const items = Int32Array.from(scores.keys())
      .filter((index) => allowed[index])
      .sort((a, b) => value(b) - value(a) || a - b)
      .slice(0, limit);
    return { items, scores: Float32Array.from(items, (index) => scores[index] as number) };
  }

  toRecommendations(
    { items, scores }: Ranking,
    source: Recommendation['source'],
  ): Recommendation<Item>[] {
    return Array.from(items, (index, i) => {
      const id = this.records[index]?.id;
      const score = scores[i];
      if (id === undefined || score === undefined) {
        throw new HalflingError(
          'invalid-catalog',
          `The engine names item ${index}, but catalog.json has ${this.records.length} items: the model directory mixes two models.`,
        );
      }
      return { item: this.items[index] as Item, id, score, rank: i + 1, source };
    });
  }

  /** null: all are allowed. */
  #toAllowed({ allow, filter }: RankOptions<Item>): Int32Array | null {
    const has = (index: number) => this.items[index] !== undefined;
    if (!allow && !filter && this.#isComplete) return null;
    const candidates = allow
      ? this.toIndices('allow', allow)
      : Int32Array.from(this.records, (_, index) => index);
    return candidates.filter(
      (index) => has(index) && (filter?.(this.items[index] as Item) ?? true),
    );
  }

  #toBoosts({ boost }: RankOptions<Item>): Float32Array | null {
    if (!boost) return null;
    return Float32Array.from(this.items, (item, index) => {
      if (item === undefined) return 0;
      const value = boost(item);
      if (value === -Infinity || isWithin(value, -MAX_BOOST, MAX_BOOST)) return value;
      const name = `boost of item ${JSON.stringify(this.records[index]?.id)}`;
      throw invalid(name, value, `-Infinity, or a number from ${-MAX_BOOST} to ${MAX_BOOST}`);
    });
  }

  /** Logarithms of each item's share of the events; one more for each, so that none is -Infinity. */
  #toPopularity(): Float32Array {
    const counts = this.records.map(({ popularity }) => Math.max(popularity, 0) + 1);
    const total = counts.reduce((sum, count) => sum + count, 0);
    return Float32Array.from(counts, (count) => Math.log(count / total));
  }
}
