// The visitor's history: in memory, and on the disk while there is consent. Memory is the truth of
// this page; the disk and other tabs follow.

import { HalflingError } from './errors.js';
import { toHistoryEvent } from './events.js';
import { databaseName, HistoryDatabase, type StoredEvent } from './history-database.js';
import type { HistoryEvent, HistoryExport, HistoryOptions, TrackEvent } from './types.js';

type Message =
  | { readonly type: 'add'; readonly events: readonly StoredEvent[] }
  | { readonly type: 'clear' }
  | { readonly type: 'consent'; readonly granted: boolean };

export interface HistoryListener {
  onChange(events: readonly HistoryEvent[]): void;
  onConsent(granted: boolean): void;
  onWarning(warning: HalflingError): void;
}

const MS_PER_DAY = 24 * 60 * 60 * 1000;

function positive(name: string, value: number): number {
  if (value > 0 && Number.isFinite(value)) return value;
  throw new HalflingError('invalid-request', `history.${name} is ${value}, it must be above 0.`);
}

export class VisitorHistory {
  /** The pause after which a new session begins, in milliseconds. */
  readonly sessionGap: number;
  /** Of the database, and of the channel between the tabs. */
  readonly #name: string;
  readonly #ttl: number;
  readonly #maxEvents: number;
  readonly #listener: HistoryListener;
  readonly #tab = crypto.randomUUID().slice(0, 8);
  readonly #channel: BroadcastChannel | undefined;
  /** Oldest first. */
  #events: StoredEvent[] = [];
  #tracked = 0;
  #consent = false;
  #closed = false;
  #warned = false;
  #database: HistoryDatabase | undefined;
  #lastOnDisk: Promise<void> = Promise.resolve();

  private constructor(options: HistoryOptions, listener: HistoryListener) {
    this.#name = databaseName(options.name);
    this.#ttl = positive('ttlDays', options.ttlDays ?? 90) * MS_PER_DAY;
    this.#maxEvents = Math.ceil(positive('maxEvents', options.maxEvents ?? 500));
    this.sessionGap = positive('sessionGapMinutes', options.sessionGapMinutes ?? 30) * 60_000;
    this.#listener = listener;
    if (!globalThis.BroadcastChannel) return;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#receive(data);
    globalThis.addEventListener?.('pageshow', this.#onPageShow);
  }

  /** With what an earlier visit stored, if that may still be used. Throws 'invalid-request'. */
  static async open(options: HistoryOptions, listener: HistoryListener): Promise<VisitorHistory> {
    const history = new VisitorHistory(options, listener);
    const stored = await HistoryDatabase.exists(history.#name).catch(() => undefined);
    if (options.consent ?? stored) await history.setConsent(true);
    else if (options.consent === false && stored !== false) {
      await history.#onDisk(() => history.#erase());
    }
    return history;
  }

  get consent(): boolean {
    return this.#consent;
  }

  /** Oldest first. */
  get events(): readonly HistoryEvent[] {
    const oldest = Date.now() - this.#ttl;
    return this.#events
      .filter(({ time }) => time >= oldest)
      .map(({ type, item, time }) => ({ type, item, time }));
  }

  /** Throws 'invalid-event'. */
  async track(event: TrackEvent): Promise<void> {
    const checked = toHistoryEvent(event, Date.now());
    const counter = String(this.#tracked++).padStart(8, '0');
    const key = `${String(Math.floor(checked.time)).padStart(15, '0')}-${counter}-${this.#tab}`;
    const added = { ...checked, key };
    const removed = this.#merge([added]);
    this.#listener.onChange(this.events);
    if (!this.#consent) return;
    await this.#onDisk(() => this.#database?.write([added], removed));
    this.#tell({ type: 'add', events: [added] });
  }

  export(): HistoryExport {
    const exportedAt = new Date().toISOString();
    return { format: 1, exportedAt, consent: this.#consent, events: this.events };
  }

  async clear(): Promise<void> {
    this.#forget();
    await this.#onDisk(() => this.#database?.clear());
    this.#tell({ type: 'clear' });
  }

  async setConsent(granted: boolean): Promise<void> {
    await this.#applyConsent(granted);
    this.#tell({ type: 'consent', granted });
  }

  close(): void {
    this.#closed = true;
    globalThis.removeEventListener?.('pageshow', this.#onPageShow);
    this.#channel?.close();
    void this.#onDisk(() => this.#database?.close());
  }

  async #applyConsent(granted: boolean): Promise<void> {
    if (granted !== this.#consent) {
      this.#consent = granted;
      this.#listener.onConsent(granted);
    }
    await this.#onDisk(() => (granted ? this.#store() : this.#erase()));
  }

  /** Opens or creates the database and puts together what it and the memory hold. */
  async #store(): Promise<void> {
    if (this.#database || !this.#consent) return;
    const database = await HistoryDatabase.open(this.#name, () => this.#withdraw());
    this.#database = database;
    const inMemory = this.#events;
    const onDisk = await database.readAll();
    const removed = this.#merge(onDisk);
    const known = new Set(onDisk.map(({ key }) => key));
    const added = inMemory.filter((event) => !known.has(event.key) && this.#events.includes(event));
    await database.write(added, removed);
    if (added.length > 0) this.#tell({ type: 'add', events: added });
    if (onDisk.length > 0) this.#listener.onChange(this.events);
  }

  /** A page that comes back from the browser's back-forward cache has heard nothing meanwhile. */
  readonly #onPageShow = (event: Event): void => {
    if ((event as PageTransitionEvent).persisted) void this.#onDisk(() => this.#readAgain());
  };

  async #readAgain(): Promise<void> {
    if (!this.#database) return;
    const before = new Set(this.#events.map(({ key }) => key));
    const onDisk = await this.#database.readAll();
    this.#events = this.#events.filter(({ key }) => !before.has(key));
    this.#merge(onDisk);
    this.#listener.onChange(this.events);
  }

  async #erase(): Promise<void> {
    // Emptied first: where another tab is frozen, the deletion waits for it.
    await this.#database?.clear();
    this.#database?.close();
    this.#database = undefined;
    await HistoryDatabase.delete(this.#name);
  }

  /** Another tab has deleted the database, or says that it will. */
  #withdraw(): void {
    this.#database?.close();
    this.#database = undefined;
    if (!this.#consent) return;
    this.#consent = false;
    this.#listener.onConsent(false);
  }

  #forget(): void {
    this.#events = [];
    this.#listener.onChange([]);
  }

  /** Adds events that are new here; returns the keys of those for which there is no room or time. */
  #merge(added: readonly StoredEvent[]): string[] {
    const all = new Map([...this.#events, ...added].map((event) => [event.key, event]));
    const sorted = [...all.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    const oldest = Date.now() - this.#ttl;
    const kept = sorted.filter(({ time }) => time >= oldest).slice(-this.#maxEvents);
    const keptKeys = new Set(kept.map(({ key }) => key));
    this.#events = kept;
    return sorted.map(({ key }) => key).filter((key) => !keptKeys.has(key));
  }

  #receive(message: Message): void {
    if (message.type === 'clear') this.#forget();
    if (message.type === 'consent') {
      if (message.granted) void this.#applyConsent(true);
      else this.#withdraw();
    }
    if (message.type === 'add' && this.#consent) {
      this.#merge(message.events);
      this.#listener.onChange(this.events);
    }
  }

  #tell(message: Message): void {
    if (!this.#closed) this.#channel?.postMessage(message);
  }

  /** Runs one operation after another. The first to fail is told of; the page goes on in memory. */
  #onDisk(operate: () => Promise<void> | void | undefined): Promise<void> {
    this.#lastOnDisk = this.#lastOnDisk.then(operate).catch((error: unknown) => {
      if (this.#warned) return;
      this.#warned = true;
      const reason = error instanceof Error ? error.message : String(error);
      this.#listener.onWarning(
        new HalflingError(
          'history-not-stored',
          `The history could not be stored (${reason}): it goes on in memory. Private windows and full disks are the usual causes.`,
          { cause: error },
        ),
      );
    });
    return this.#lastOnDisk;
  }
}
