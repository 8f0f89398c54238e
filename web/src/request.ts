// Translates between ids, which callers use, and item indices, which the engine uses.

import { HalflingError } from './errors.js';
import type { Ranking, RankRequest } from './protocol.js';
import type { CatalogItem, Recommendation, RecommendOptions } from './types.js';

const MAX_WIDTH = 1000; // of the engine, for `limit` and `beamWidth`

function checkWidth(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_WIDTH) return value;
  throw new HalflingError(
    'invalid-request',
    `\`${name}\` is ${value}, it must be a whole number from 1 to ${MAX_WIDTH}.`,
  );
}

export class Catalog {
  readonly items: readonly CatalogItem[];
  readonly #indices: ReadonlyMap<string, number>;

  constructor(items: readonly CatalogItem[]) {
    this.items = items;
    this.#indices = new Map(items.map((item, index) => [item.id, index]));
  }

  /** Throws 'unknown-item' and 'invalid-request'. */
  toRequest(options: RecommendOptions): RankRequest {
    const { limit = 10, beamWidth = 20, excludeSeen = true } = options;
    return {
      history: this.#toIndices('history', options.history),
      limit: checkWidth('limit', limit),
      beamWidth: checkWidth('beamWidth', beamWidth),
      exclude: this.#toIndices('exclude', options.exclude ?? []),
      allow: options.allow ? this.#toIndices('allow', options.allow) : null,
      excludeSeen,
    };
  }

  toRecommendations({ items, scores }: Ranking): Recommendation[] {
    return Array.from(items, (index, i) => {
      const item = this.items[index];
      const score = scores[i];
      if (!item || score === undefined) {
        throw new HalflingError(
          'invalid-catalog',
          `The engine names item ${index}, but catalog.json has ${this.items.length} items: the model directory mixes two models.`,
        );
      }
      return { item, id: item.id, score, rank: i + 1 };
    });
  }

  #toIndices(name: string, ids: readonly string[]): Int32Array {
    if (!Array.isArray(ids)) {
      throw new HalflingError('invalid-request', `\`${name}\` must be an array of item ids.`);
    }
    return Int32Array.from(ids as readonly string[], (id) => {
      const index = this.#indices.get(id);
      if (index === undefined) {
        throw new HalflingError(
          'unknown-item',
          `\`${name}\` names the item ${JSON.stringify(id)}, which the model's catalogue does not have: leave out ids that are not among recommender.items.`,
        );
      }
      return index;
    });
  }
}
