// From what a visitor did to what the model is told. The rule, in this order:
//
// 1. Dismissal. Whoever dismisses an item does not want it: it is neither in the history nor
//    recommended, until a later event of another type takes the dismissal back. An item that the
//    model does not know is not in the history either.
// 2. Sessions. A pause longer than the session gap begins a new session. Where stronger events than
//    views are left of an earlier session, only those count: what was put into the cart, bought or
//    liked tells more than the search that led there. The running session counts whole.
// 3. Repeats. An item counts once, at its last event: viewed, carted and bought is one item.
// 4. Length. The last MAX_MODEL_ITEMS items are the history, oldest first. (The model itself may look
//    at fewer.)

import { HalflingError } from './errors.js';
import type { EventType, HistoryEvent, TrackEvent } from './types.js';

const TYPES: readonly EventType[] = ['view', 'add-to-cart', 'purchase', 'like', 'dismiss'];
export const MAX_MODEL_ITEMS = 50;

export interface Interpretation {
  /** For the model, oldest first. */
  readonly history: readonly string[];
  readonly seen: ReadonlySet<string>;
  readonly purchased: ReadonlySet<string>;
  readonly dismissed: ReadonlySet<string>;
}

/** No visit is of an earlier time, which tells milliseconds from seconds. */
const EARLIEST = Date.UTC(1990);

/** `now` is the time of an event that has none; `call` names the caller's call. Throws 'invalid-event'. */
export function toHistoryEvent(event: TrackEvent, now?: number, call = 'track()'): HistoryEvent {
  const fail = (field: string, value: unknown, expected: string) => {
    throw new HalflingError(
      'invalid-event',
      `${call}: \`${field}\` is ${JSON.stringify(value)}, it must be ${expected}.`,
    );
  };
  if (typeof event !== 'object' || event === null) fail('event', event, 'an object');
  const { type, item, time = now ?? NaN } = event;
  if (!TYPES.includes(type)) fail('type', type, `one of ${TYPES.join(', ')}`);
  if (typeof item !== 'string' || item === '') fail('item', item, "an item's id");
  if (!Number.isFinite(time) || time < EARLIEST) {
    fail('time', time, 'milliseconds since 1970, as Date.now() has them');
  }
  return { type, item, time };
}

/** Cuts events, oldest first, at each pause longer than `gap`. */
function splitSessions(events: readonly HistoryEvent[], gap: number): HistoryEvent[][] {
  const sessions: HistoryEvent[][] = [];
  let last = -Infinity;
  for (const event of events) {
    if (event.time - last > gap) sessions.push([]);
    sessions.at(-1)?.push(event);
    last = event.time;
  }
  return sessions;
}

function withoutWeakViews(session: readonly HistoryEvent[]): readonly HistoryEvent[] {
  const strong = session.filter(({ type }) => type !== 'view');
  return strong.length > 0 ? strong : session;
}

/**
 * @param events oldest first
 * @param gap of sessions, in milliseconds
 * @param isKnown whether the model has the item: a history of others would tell it nothing
 */
export function interpret(
  events: readonly HistoryEvent[],
  gap: number,
  now: number,
  isKnown: (item: string) => boolean,
): Interpretation {
  const seen = new Set<string>();
  const purchased = new Set<string>();
  const dismissed = new Set<string>();
  for (const { type, item } of events) {
    if (type === 'dismiss') {
      dismissed.add(item);
      continue;
    }
    dismissed.delete(item);
    seen.add(item);
    if (type === 'purchase') purchased.add(item);
  }

  const counts = ({ type, item }: HistoryEvent) =>
    type !== 'dismiss' && !dismissed.has(item) && isKnown(item);
  const sessions = splitSessions(events, gap).map((session) => session.filter(counts));
  const end = events.at(-1)?.time ?? now;
  const running = now - end <= gap ? sessions.pop() : undefined;
  const items = new Set<string>();
  for (const { item } of [...sessions.flatMap(withoutWeakViews), ...(running ?? [])]) {
    items.delete(item);
    items.add(item);
  }
  return { history: [...items].slice(-MAX_MODEL_ITEMS), seen, purchased, dismissed };
}
