// The options of the history, checked, in the units that it counts in.

import { checkBoolean, checkObject, checkPositive, invalid } from './checks.js';
import { databaseName } from './history-database.js';
import type { HistoryOptions } from './types.js';

export interface HistorySettings {
  /** undefined: what an earlier visit was told. */
  readonly consent: boolean | undefined;
  /** Of the database, and of the channel between the tabs. */
  readonly name: string;
  /** Milliseconds. */
  readonly ttl: number;
  readonly maxEvents: number;
  /** The pause after which a new session begins, in milliseconds. */
  readonly sessionGap: number;
}

const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 24 * 60 * MS_PER_MINUTE;

/** Throws 'invalid-request'. */
export function toHistorySettings(options: HistoryOptions = {}): HistorySettings {
  const { consent, name, ttlDays = 90, maxEvents = 500, sessionGapMinutes = 30 } = checkObject(
    'history',
    options,
  );
  if (name !== undefined && typeof name !== 'string') {
    throw invalid('history.name', name, 'a string');
  }
  return {
    consent: consent === undefined ? undefined : checkBoolean('history.consent', consent),
    name: databaseName(name),
    ttl: checkPositive('history.ttlDays', ttlDays) * MS_PER_DAY,
    maxEvents: Math.ceil(checkPositive('history.maxEvents', maxEvents)),
    sessionGap: checkPositive('history.sessionGapMinutes', sessionGapMinutes) * MS_PER_MINUTE,
  };
}
