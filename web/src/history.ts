// The visitor's history: in memory, and on the disk while there is consent. Memory is the truth of
// this page; the disk and other tabs follow.

import { HalflingError, toReason } from './errors.js';
import { toHistoryEvent } from './events.js';
import { HistoryDatabase, type Endings, type StoredEvent } from './history-database.js';
import type { HistorySettings } from './history-settings.js';
import type { HistoryEvent, HistoryExport, TrackEvent } from './types.js';

type Message =
  | { readonly type: 'add'; readonly events: readonly StoredEvent[] }
  /** All events of the item, or without one all that there are. */
  | { readonly type: 'forget'; readonly item?: string }
  | { readonly type: 'consent'; readonly granted: boolean };

export interface HistoryListener {
  onChange(events: readonly HistoryEvent[]): void;
  onConsent(granted: boolean): void;
  onWarning(warning: HalflingError): void;
}

/** How long a visit waits for what is stored; later than that it is taken in when it comes. */
const MAX_WAIT_MS = 3000;

/** Begins every key, so that keys sort by time. */
const timeKey = (time: number) => String(Math.floor(time)).padStart(15, '0');

/** Of an event that is imported: the same at every import. */
const importKey = ({ type, item, time }: HistoryEvent) => `${timeKey(time)}-${type}-${item}`;

export class VisitorHistory {
  readonly #settings: HistorySettings;
  readonly #listener: HistoryListener;
  readonly #tab = crypto.randomUUID().slice(0, 8);
  readonly #channel: BroadcastChannel | undefined;
  /** Oldest first. */
  #events: StoredEvent[] = [];
  #tracked = 0;
  /** What was forgotten and may still be read from the disk. */
  readonly #forgotten = new Set<(event: StoredEvent) => boolean>();
  /** undefined while nobody has said: then the disk may know. */
  #consent: boolean | undefined;
  #closed = false;
  #warned = false;
  #database: HistoryDatabase | undefined;
  #lastOnDisk: Promise<void> = Promise.resolve();

  private constructor(settings: HistorySettings, listener: HistoryListener) {
    this.#settings = settings;
    this.#listener = listener;
    if (!globalThis.BroadcastChannel) return;
    this.#channel = new BroadcastChannel(settings.name);
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#receive(data);
    globalThis.addEventListener?.('pageshow', this.#onPageShow);
  }

  /** With what an earlier visit stored, if that may still be used. */
  static async open(settings: HistorySettings, listener: HistoryListener): Promise<VisitorHistory> {
    const history = new VisitorHistory(settings, listener);
    const ready =
      settings.consent === undefined
        ? history.#onDisk(() => history.#restore())
        : history.setConsent(settings.consent).catch((error) => listener.onWarning(error));
    // A tab that is frozen may hold up the disk for as long as it is.
    await Promise.race([ready, new Promise((resolve) => setTimeout(resolve, MAX_WAIT_MS))]);
    return history;
  }

  get sessionGap(): number {
    return this.#settings.sessionGap;
  }

  get consent(): boolean {
    return this.#consent ?? false;
  }

  /** Oldest first. */
  get events(): readonly HistoryEvent[] {
    const oldest = Date.now() - this.#settings.ttl;
    return this.#events
      .filter(({ time }) => time >= oldest)
      .map(({ type, item, time }) => ({ type, item, time }));
  }

  /** Throws 'invalid-event'. */
  async track(event: TrackEvent): Promise<void> {
    const checked = toHistoryEvent(event, Date.now());
    const counter = String(this.#tracked++).padStart(8, '0');
    await this.#add([{ ...checked, key: `${timeKey(checked.time)}-${counter}-${this.#tab}` }]);
  }

  /** All, but those that are here already; none, where one is wrong. Throws 'invalid-event'. */
  async import(events: readonly HistoryEvent[]): Promise<void> {
    const checked = events.map((event, i) =>
      toHistoryEvent(event, undefined, `importHistory(): events[${i}]`),
    );
    const known = new Set(this.#events.map(importKey));
    const added = checked
      .map((event) => ({ ...event, key: importKey(event) }))
      .filter(({ key }) => !known.has(key));
    if (added.length > 0) await this.#add(added);
  }

  export(): HistoryExport {
    const exportedAt = new Date().toISOString();
    return { format: 1, exportedAt, consent: this.consent, events: this.events };
  }

  /** Those of one item, or all. Rejects with 'history-not-erased'. */
  async forget(item?: string): Promise<void> {
    const isMeant = this.#forget(item);
    const erase = () => HistoryDatabase.erase(this.#settings.name, item);
    try {
      await this.#erasing(() => erase().finally(() => this.#forgotten.delete(isMeant)));
    } finally {
      this.#tell({ type: 'forget', ...(item !== undefined && { item }) });
    }
  }

  /** Withdrawn consent may reject with 'history-not-erased'. */
  async setConsent(granted: boolean): Promise<void> {
    this.#changeConsent(granted);
    if (granted) {
      await this.#onDisk(() => this.#store().finally(() => this.#tellOfConsent()));
    } else {
      this.#tell({ type: 'consent', granted }); // at once: the others must not write any more
      await this.#erasing(() => this.#erase());
    }
  }

  close(): void {
    this.#closed = true;
    globalThis.removeEventListener?.('pageshow', this.#onPageShow);
    this.#channel?.close();
    void this.#onDisk(() => this.#database?.close());
  }

  async #add(added: readonly StoredEvent[]): Promise<void> {
    const removed = this.#merge(added);
    this.#listener.onChange(this.events);
    if (!this.#consent) return;
    await this.#onDisk(() => this.#database?.write(added, removed));
    this.#tell({ type: 'add', events: added });
  }

  /** When the database is there: others that open it sooner may meet an older one's deletion. */
  #tellOfConsent(): void {
    if (this.#consent) this.#tell({ type: 'consent', granted: true });
  }

  #changeConsent(consent: boolean | undefined): void {
    const before = this.consent;
    this.#consent = consent;
    if (this.consent !== before) this.#listener.onConsent(this.consent);
  }

  /** A database that exists is the consent of an earlier visit, unless something else was said since. */
  async #restore(): Promise<void> {
    const opening = HistoryDatabase.openExisting(this.#settings.name, this.#endings);
    const database = await opening.catch(() => undefined); // without consent nobody misses it
    if (!database) return;
    if (this.#consent === undefined) this.#changeConsent(true);
    if (this.#consent) await this.#join(database);
    else database.close();
  }

  /** Opens or creates the database. */
  async #store(): Promise<void> {
    if (this.#database || !this.consent) return;
    const database = await HistoryDatabase.open(this.#settings.name, this.#endings);
    if (this.#consent) await this.#join(database);
    if (this.#consent !== false) return;
    // Withdrawn meanwhile, maybe by another tab, which cannot have deleted what came afterwards.
    database.close();
    if (database.isNew) await HistoryDatabase.delete(this.#settings.name);
  }

  /** Puts together what the database and the memory hold. */
  async #join(database: HistoryDatabase): Promise<void> {
    this.#database = database;
    const inMemory = this.#events;
    const onDisk = await this.#read(database);
    if (this.#database !== database) return; // it has ended meanwhile
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
    const onDisk = await this.#read(this.#database);
    this.#events = this.#events.filter(({ key }) => !before.has(key));
    this.#merge(onDisk);
    this.#listener.onChange(this.events);
  }

  async #read(database: HistoryDatabase): Promise<StoredEvent[]> {
    const events = await database.readAll();
    return events.filter((event) => ![...this.#forgotten].some((isMeant) => isMeant(event)));
  }

  async #erase(): Promise<void> {
    this.#disconnect();
    await HistoryDatabase.delete(this.#settings.name);
  }

  readonly #endings: Endings = {
    onDeleted: () => this.#withdraw(),
    onTerminated: () => {
      this.#disconnect();
      this.#changeConsent(undefined);
      void this.#onDisk(() => this.#restore());
    },
  };

  #withdraw(): void {
    this.#disconnect();
    this.#changeConsent(false);
  }

  #disconnect(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  /** In memory; what it returns is to be taken out of #forgotten when the disk has forgotten, too. */
  #forget(item: string | undefined): (event: StoredEvent) => boolean {
    const isMeant = (event: StoredEvent) => item === undefined || event.item === item;
    this.#forgotten.add(isMeant);
    this.#events = this.#events.filter((event) => !isMeant(event));
    this.#listener.onChange(this.events);
    return isMeant;
  }

  /** Adds events that are new here; returns the keys of those that are not kept. */
  #merge(added: readonly StoredEvent[]): string[] {
    const all = new Map([...this.#events, ...added].map((event) => [event.key, event]));
    const keys = [...all.keys()];
    for (const event of [...all.values()]) {
      // What one tab has tracked and another imported is one event.
      if (event.key !== importKey(event)) all.delete(importKey(event));
    }
    const sorted = [...all.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    const { ttl, maxEvents } = this.#settings;
    const oldest = Date.now() - ttl;
    const kept = sorted.filter(({ time }) => time >= oldest).slice(-maxEvents);
    const keptKeys = new Set(kept.map(({ key }) => key));
    this.#events = kept;
    return keys.filter((key) => !keptKeys.has(key));
  }

  #receive(message: Message): void {
    if (message.type === 'forget') {
      const isMeant = this.#forget(message.item);
      void this.#enqueue(() => void this.#forgotten.delete(isMeant)); // what reads now began before
    }
    if (message.type === 'consent') {
      if (!message.granted) return this.#withdraw();
      this.#changeConsent(true);
      void this.#onDisk(() => this.#store());
    }
    if (message.type === 'add' && this.#consent) {
      this.#merge(message.events);
      this.#listener.onChange(this.events);
    }
  }

  #tell(message: Message): void {
    if (!this.#closed) this.#channel?.postMessage(message);
  }

  /** For what the page goes on without. The first failure is told of. */
  #onDisk(operate: () => Promise<void> | void | undefined): Promise<void> {
    return this.#enqueue(operate).catch((error: unknown) => {
      if (this.#warned) return;
      this.#warned = true;
      this.#listener.onWarning(
        new HalflingError(
          'history-not-stored',
          `The history could not be stored (${toReason(error)}): it goes on in memory. Private windows and full disks are the usual causes.`,
          { cause: error },
        ),
      );
    });
  }

  /** For what the visitor was promised. */
  #erasing(operate: () => Promise<void>): Promise<void> {
    return this.#enqueue(operate).catch((error: unknown) => {
      throw new HalflingError(
        'history-not-erased',
        `The stored history could not be erased (${toReason(error)}) and may be there at the next visit. Try again, or clear the site's data in the browser's settings.`,
        { cause: error },
      );
    });
  }

  /** Runs one operation after another, also after one that failed. */
  #enqueue(operate: () => Promise<void> | void | undefined): Promise<void> {
    const done = this.#lastOnDisk.then(operate);
    this.#lastOnDisk = done.catch(() => undefined);
    return done;
  }
}
