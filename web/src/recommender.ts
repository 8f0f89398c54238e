import { proxy } from 'comlink';

import { Catalog, type Query, type Seen } from './catalog.js';
import { checkBoolean, checkChoice, checkFunction, checkObject, invalid } from './checks.js';
import { categorySimilarity, diversify } from './diversity.js';
import { Emitter, guarded } from './emitter.js';
import { HalflingError, type Failure } from './errors.js';
import { interpret } from './events.js';
import { VisitorHistory } from './history.js';
import type { HistorySettings } from './history-settings.js';
import type { LoadedModel } from './protocol.js';
import type {
  CallOptions,
  CallStats,
  CatalogItem,
  CreateOptions,
  HistoryEvent,
  HistoryExport,
  RankOptions,
  Reason,
  Recommendation,
  Recommender,
  RecommenderEvents,
  RecommenderInfo,
  RecommendOptions,
  TrackEvent,
} from './types.js';
import type { WorkerConnection } from './worker-connection.js';

type ToItem<Item> = (record: CatalogItem) => Item | undefined;

const DISPOSED = {
  code: 'disposed',
  message: 'The recommender has been disposed of: create a new one.',
} as const;

export class WorkerRecommender<Item> implements Recommender<Item> {
  readonly #connection: WorkerConnection;
  readonly #toItem: ToItem<Item> | undefined;
  readonly #emitter = new Emitter<RecommenderEvents>();
  /** Those from before anybody could listen. */
  readonly #warnings: HalflingError[] = [];
  #history!: VisitorHistory; // set by create()
  #catalog: Catalog<Item>;
  #info: RecommenderInfo;
  #lastCall: CallStats | undefined;
  #updating: Promise<boolean> | undefined;
  #warnedOfUnknown = false;
  #disposed = false;

  private constructor(
    connection: WorkerConnection,
    model: LoadedModel,
    loadMilliseconds: number,
    toItem: ToItem<Item> | undefined,
  ) {
    this.#connection = connection;
    this.#toItem = toItem;
    this.#catalog = this.#toCatalog(model);
    this.#info = { ...model.info, loadMilliseconds };
    for (const warning of model.warnings) this.#warn(toError(warning));
    connection.onClose((error) => this.#emitter.emit('close', error));
  }

  static async create<Item>(
    connection: WorkerConnection,
    model: LoadedModel,
    loadMilliseconds: number,
    toItem: ToItem<Item> | undefined,
    settings: HistorySettings,
  ): Promise<WorkerRecommender<Item>> {
    const created = new WorkerRecommender(connection, model, loadMilliseconds, toItem);
    created.#history = await VisitorHistory.open(settings, {
      onChange: (events) => created.#emitter.emit('history', events),
      onConsent: (granted) => created.#emitter.emit('consent', granted),
      onWarning: (warning) => created.#warn(warning),
    });
    return created;
  }

  get items(): readonly CatalogItem[] {
    return this.#catalog.records;
  }

  get info(): RecommenderInfo {
    return this.#info;
  }

  get lastCall(): CallStats | undefined {
    return this.#lastCall;
  }

  get consent(): boolean {
    return this.#history.consent;
  }

  has(itemId: string): boolean {
    return this.#catalog.has(itemId);
  }

  recommend(options: RecommendOptions<Item> = {}): Promise<Recommendation<Item>[]> {
    return this.#rank(options, () => this.#whatWasSeen(options), options?.beamWidth);
  }

  similar(itemId: string, options: RankOptions<Item> = {}): Promise<Recommendation<Item>[]> {
    return this.#rank(options, () => {
      this.#catalog.indexOf('similar()', itemId);
      return { history: [itemId], hidden: [itemId, ...this.#interpret().dismissed] };
    });
  }

  trending(options: RankOptions<Item> = {}): Promise<Recommendation<Item>[]> {
    return this.#rank(options, () => ({ history: [], hidden: this.#interpret().dismissed }));
  }

  async explain(
    itemId: string,
    options: CallOptions & { readonly history?: readonly string[] } = {},
  ): Promise<Reason<Item>[]> {
    checkObject('options', options);
    return this.#connection.call(async (api) => {
      const catalog = this.#catalog;
      const asked = catalog.indexOf('explain()', itemId);
      const ids = options.history ?? this.#interpret().history;
      const history = Int32Array.from(new Set(catalog.toIndices('history', ids)));
      if (history.length === 0) return { ok: true, value: [] };
      const reply = await api.explain({ item: asked, history });
      if (!reply.ok) return reply;
      const { whole, without, stats } = reply.value;
      this.#lastCall = stats;
      const reasons = Array.from(history).flatMap((index, entry) => {
        const item = catalog.items[index];
        if (item === undefined) return [];
        const { id } = catalog.records[index] as CatalogItem;
        // Without its only item the history is empty, and popularity is all there is to go by.
        const rest = without[entry] ?? catalog.popularityScore(asked);
        return { item, id, contribution: whole - rest };
      });
      return { ok: true, value: reasons.sort((a, b) => b.contribution - a.contribution) };
    }, options.signal);
  }

  async track(event: TrackEvent): Promise<void> {
    this.#requireInUse();
    await this.#history.track(event);
  }

  getHistory(): readonly HistoryEvent[] {
    return this.#history.events;
  }

  exportHistory(): HistoryExport {
    return this.#history.export();
  }

  async importHistory(history: Pick<HistoryExport, 'events'>): Promise<void> {
    this.#requireInUse();
    const { events } = checkObject('importHistory()', history);
    if (!Array.isArray(events)) throw invalid('importHistory(): events', events, 'an array');
    await this.#history.import(events);
  }

  async clearHistory(): Promise<void> {
    this.#requireInUse();
    await this.#history.forget();
  }

  async forget(itemId: string): Promise<void> {
    this.#requireInUse();
    if (typeof itemId !== 'string') throw invalid('forget()', itemId, "an item's id");
    await this.#history.forget(itemId);
  }

  async setConsent(granted: boolean): Promise<void> {
    this.#requireInUse();
    await this.#history.setConsent(checkBoolean('setConsent()', granted));
  }

  update(options: Pick<CreateOptions, 'onProgress'> = {}): Promise<boolean> {
    // One at a time: the worker holds one model beside the one in use.
    this.#updating ??= this.#update(options).finally(() => {
      this.#updating = undefined;
    });
    return this.#updating;
  }

  on<Name extends keyof RecommenderEvents>(
    name: Name,
    listener: (detail: RecommenderEvents[Name]) => void,
  ): () => void {
    const stop = this.#emitter.on(name, listener);
    if (name === 'warning') {
      for (const warning of this.#warnings.splice(0)) this.#emitter.emit('warning', warning);
    }
    return stop;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#history.close();
    this.#connection.close(DISPOSED);
  }

  async #update(options: Pick<CreateOptions, 'onProgress'>): Promise<boolean> {
    const { onProgress = () => undefined } = checkObject('options', options);
    checkFunction('onProgress', onProgress);
    const start = Date.now();
    const report = proxy(guarded(onProgress));
    const model = await this.#connection.callBeside((api) => api.prepareUpdate(report));
    if (!model) return false;
    const catalog = await this.#prepareCatalog(model);
    // In the queue with all other calls, since from here on indices mean other items.
    await this.#connection.call(async (api) => {
      const reply = await api.commitUpdate();
      if (!reply.ok) return reply;
      this.#catalog = catalog;
      this.#info = { ...model.info, loadMilliseconds: Date.now() - start };
      return reply;
    });
    for (const warning of model.warnings) this.#warn(toError(warning));
    this.#emitter.emit('update', this.#info);
    return true;
  }

  /** The page's part of an update. When `toItem` throws, the worker drops its own part, too. */
  async #prepareCatalog(model: LoadedModel): Promise<Catalog<Item>> {
    try {
      return this.#toCatalog(model);
    } catch (error) {
      await this.#connection.callBeside((api) => api.dropUpdate());
      throw error;
    }
  }

  #toCatalog({ items }: LoadedModel): Catalog<Item> {
    return new Catalog(items, this.#toItem, (name, unknown) => this.#warnOfUnknown(name, unknown));
  }

  /** Once: the next call names the same ones. */
  #warnOfUnknown(name: string, unknown: readonly string[]): void {
    if (this.#warnedOfUnknown) return;
    this.#warnedOfUnknown = true;
    const message = `\`${name}\` names ${unknown.length} ids that the model's catalogue does not have, such as ${JSON.stringify(unknown[0])}: they are left out, here and from now on.`;
    this.#warn(new HalflingError('unknown-item', message));
  }

  /** The history does without the worker: only dispose() ends it. */
  #requireInUse(): void {
    if (this.#disposed) throw new HalflingError(DISPOSED.code, DISPOSED.message);
  }

  /** Options become indices when the call's turn comes: an update may change them before. */
  async #rank(
    options: RankOptions<Item>,
    toSeen: () => Seen,
    beamWidth?: number,
  ): Promise<Recommendation<Item>[]> {
    const { signal } = checkObject('options', options);
    return this.#connection.call(async (api) => {
      const catalog = this.#catalog;
      const query = catalog.toQuery(options, toSeen(), beamWidth);
      if (query.history.length === 0) {
        const ranked = catalog.toRecommendations(catalog.rankByPopularity(query), 'popularity');
        return { ok: true, value: this.#choose(ranked, query, options.similarity) };
      }
      const reply = await api.rank(query);
      if (!reply.ok) return reply;
      this.#lastCall = reply.value.stats;
      const ranked = catalog.toRecommendations(reply.value, 'model');
      return { ok: true, value: this.#choose(ranked, query, options.similarity) };
    }, signal);
  }

  #choose(
    ranked: readonly Recommendation<Item>[],
    { wanted, threshold, diversity }: Query,
    similarity: RankOptions<Item>['similarity'],
  ): Recommendation<Item>[] {
    const good = ranked.filter(({ score }) => score >= threshold);
    if (diversity === 0) return good.slice(0, wanted).map((one, i) => ({ ...one, rank: i + 1 }));
    const catalog = this.#catalog;
    const alike = (a: Recommendation<Item>, b: Recommendation<Item>) =>
      similarity
        ? similarity(a.item, b.item)
        : categorySimilarity(catalog.recordOf(a.id), catalog.recordOf(b.id));
    return diversify(good, wanted, diversity, alike);
  }

  #interpret() {
    const { events, sessionGap } = this.#history;
    return interpret(events, sessionGap, Date.now(), (id) => this.#catalog.has(id));
  }

  #whatWasSeen({ history, excludeSeen = true }: RecommendOptions<Item>): Seen {
    checkChoice('excludeSeen', excludeSeen, [true, false, 'purchased']);
    if (history) return { history, hidden: excludeSeen === true ? history : [] };
    const { seen, purchased, dismissed, history: own } = this.#interpret();
    const left = excludeSeen === true ? seen : excludeSeen ? purchased : [];
    return { history: own, hidden: [...dismissed, ...left] };
  }

  #warn(warning: HalflingError): void {
    if (this.#emitter.has('warning')) this.#emitter.emit('warning', warning);
    else this.#warnings.push(warning);
  }
}

function toError({ code, message }: Failure): HalflingError {
  return new HalflingError(code, message);
}
