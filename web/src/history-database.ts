// The history on the disk: an IndexedDB database that exists only while the visitor consents. Every
// event is a record of its own, written in one transaction, so a crash loses at most the last one.

import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from 'idb';

import type { HistoryEvent } from './types.js';

export interface StoredEvent extends HistoryEvent {
  /** Sorts by time, and tells the events of several tabs apart. */
  readonly key: string;
}

interface Schema extends DBSchema {
  events: { key: string; value: StoredEvent };
}

/** No database of the site's own has this name: withdrawn consent deletes the one that has. */
export function databaseName(history: string | undefined): string {
  return history === undefined ? 'halfling' : `halfling-history-${history}`;
}

export class HistoryDatabase {
  readonly #database: IDBPDatabase<Schema>;

  private constructor(database: IDBPDatabase<Schema>) {
    this.#database = database;
  }

  /** undefined where the browser does not tell (Firefox before 126). */
  static async exists(name: string): Promise<boolean | undefined> {
    const databases = await globalThis.indexedDB?.databases?.();
    return databases?.some((database) => database.name === name);
  }

  /** `onDeleted` is called when another tab wants to delete the database, which waits for close(). */
  static async open(name: string, onDeleted: () => void): Promise<HistoryDatabase> {
    const database = await openDB<Schema>(name, 1, {
      upgrade: (created) => void created.createObjectStore('events', { keyPath: 'key' }),
      blocking: onDeleted,
    });
    return new HistoryDatabase(database);
  }

  static async delete(name: string): Promise<void> {
    if (globalThis.indexedDB) await deleteDB(name);
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

  clear(): Promise<void> {
    return this.#database.clear('events');
  }

  close(): void {
    this.#database.close();
  }
}
