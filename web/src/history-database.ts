// The history on the disk: an IndexedDB database that exists only while the visitor consents. Every
// event is a record of its own, written in one transaction, so a crash loses at most the last one.

import { deleteDB, openDB, wrap, type DBSchema, type IDBPDatabase } from 'idb';

import type { HistoryEvent } from './types.js';

export interface StoredEvent extends HistoryEvent {
  /** Sorts by time, and tells the events of several tabs apart. */
  readonly key: string;
}

interface Schema extends DBSchema {
  events: { key: string; value: StoredEvent };
}

/** Why a connection ended that nobody here has closed. */
export interface Endings {
  /** Another tab deletes the database. */
  readonly onDeleted: () => void;
  /** The browser closed it: the visitor clears the site's data, say, or the disk is gone. */
  readonly onTerminated: () => void;
}

const VERSION = 1;

/** No database of the site's own has this name: withdrawn consent deletes the one that has. */
export function databaseName(history: string | undefined): string {
  return history === undefined ? 'halfling' : `halfling-history-${history}`;
}

export class HistoryDatabase {
  readonly #database: IDBPDatabase<Schema>;
  /** Whether this connection created the database. */
  readonly isNew: boolean;

  private constructor(
    database: IDBPDatabase<Schema>,
    isNew: boolean,
    { onDeleted, onTerminated }: Partial<Endings>,
  ) {
    this.#database = database;
    this.isNew = isNew;
    database.addEventListener('versionchange', () => {
      database.close(); // the deletion waits for it
      onDeleted?.();
    });
    database.addEventListener('close', () => onTerminated?.());
  }

  /** Creates the database where there is none. */
  static async open(name: string, endings: Endings): Promise<HistoryDatabase> {
    let isNew = false;
    const database = await openDB<Schema>(name, VERSION, {
      upgrade: (created) => {
        isNew = true;
        created.createObjectStore('events', { keyPath: 'key' });
      },
    });
    return new HistoryDatabase(database, isNew, endings);
  }

  /** undefined where there is no database, and then leaves none. */
  static async openExisting(
    name: string,
    endings: Partial<Endings> = {},
  ): Promise<HistoryDatabase | undefined> {
    if (!(await mayExist(name))) return undefined;
    let exists = true;
    const request = indexedDB.open(name, VERSION);
    request.onupgradeneeded = () => {
      exists = false;
      request.transaction?.abort();
    };
    request.onerror = (event) => event.preventDefault(); // or Firefox tells the page's onerror
    try {
      const database = (await wrap(request)) as IDBPDatabase<Schema>;
      return new HistoryDatabase(database, false, endings);
    } catch (error) {
      if (exists) throw error;
      return undefined;
    }
  }

  /** The events of one item, or all. Over a connection of its own: who wants this may have none. */
  static async erase(name: string, item?: string): Promise<void> {
    const database = await HistoryDatabase.openExisting(name);
    if (!database) return;
    try {
      const { store, done } = database.#database.transaction('events', 'readwrite');
      const eraseItem = async () => {
        const meant = (await store.getAll()).filter((event) => event.item === item);
        await Promise.all(meant.map(({ key }) => store.delete(key)));
      };
      await Promise.all([item === undefined ? store.clear() : eraseItem(), done]);
    } finally {
      database.close();
    }
  }

  /**
   * Resolves when nothing of it can be read any more. A tab that is frozen holds up the deletion, so
   * the database is emptied first.
   */
  static async delete(name: string): Promise<void> {
    const [cleared] = await Promise.allSettled([HistoryDatabase.erase(name)]);
    await new Promise<void>((resolve, reject) => {
      const blocked = () => (cleared.status === 'fulfilled' ? resolve() : reject(cleared.reason));
      deleteDB(name, { blocked }).then(resolve, reject);
    });
  }

  readAll(): Promise<StoredEvent[]> {
    return this.#database.getAll('events');
  }

  /** Adds and removes in one transaction. */
  async write(added: readonly StoredEvent[], removedKeys: readonly string[]): Promise<void> {
    const transaction = this.#database.transaction('events', 'readwrite');
    await Promise.all([
      ...added.map((event) => transaction.store.put(event)),
      ...removedKeys.map((key) => transaction.store.delete(key)),
      transaction.done,
    ]);
  }

  close(): void {
    this.#database.close();
  }
}

/** Firefox before 126 does not tell. An opening that is aborted can leave version 0 in WebKit. */
async function mayExist(name: string): Promise<boolean> {
  const databases = await indexedDB.databases?.();
  return databases?.some((one) => one.name === name && one.version !== 0) ?? true;
}
