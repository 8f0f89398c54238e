import { describe, expect, it } from 'vitest';

import { interpret, MAX_MODEL_ITEMS, toHistoryEvent } from '../src/events.js';
import type { EventType, HistoryEvent, TrackEvent } from '../src/types.js';

const GAP = 30;
const event = (time: number, type: EventType, item: string): HistoryEvent => ({ time, type, item });
const read = (events: HistoryEvent[], now = events.at(-1)?.time ?? 0) =>
  interpret(events, GAP, now, (item) => item !== 'unknown');

describe('the rule from events to history', () => {
  it('keeps the running session whole, in order', () => {
    const events = [event(1, 'view', 'a'), event(2, 'view', 'b'), event(3, 'purchase', 'c')];
    expect(read(events).history).toEqual(['a', 'b', 'c']);
  });

  it('counts an item once, at its last event', () => {
    const events = [event(1, 'view', 'a'), event(2, 'view', 'b'), event(3, 'add-to-cart', 'a')];
    expect(read(events).history).toEqual(['b', 'a']);
  });

  it('drops what was dismissed, until it is wanted again', () => {
    const events = [event(1, 'view', 'a'), event(2, 'like', 'b'), event(3, 'dismiss', 'a')];
    expect(read(events).history).toEqual(['b']);
    expect([...read(events).dismissed]).toEqual(['a']);
    events.push(event(4, 'view', 'a'));
    expect(read(events).history).toEqual(['b', 'a']);
    expect([...read(events).dismissed]).toEqual([]);
  });

  it('remembers of an earlier session what was wanted, not what was looked at', () => {
    const events = [
      event(1, 'view', 'a'),
      event(2, 'purchase', 'b'),
      event(2 + GAP, 'view', 'same session'),
      event(100, 'view', 'c'),
    ];
    expect(read(events).history).toEqual(['b', 'c']);
    expect([...read(events).purchased]).toEqual(['b']);
    expect([...read(events).seen]).toEqual(['a', 'b', 'same session', 'c']);
  });

  it('remembers the views of an earlier session that has nothing else', () => {
    const events = [event(1, 'view', 'a'), event(2, 'dismiss', 'b'), event(100, 'view', 'c')];
    expect(read(events).history).toEqual(['a', 'c']);
  });

  it.each([
    ['unknown to the model', event(2, 'add-to-cart', 'unknown'), event(100, 'view', 'c')],
    ['dismissed later', event(2, 'like', 'b'), event(100, 'dismiss', 'b')],
  ])('remembers the views of an earlier session beside an item that is %s', (_, strong, later) => {
    const events = [event(1, 'view', 'a'), strong, later, event(101, 'view', 'c')];
    expect(read(events).history).toEqual(['a', 'c']);
  });

  it('splits sessions at all events, also at those that do not count', () => {
    const events = [
      event(1, 'view', 'a'),
      event(1 + GAP, 'view', 'unknown'),
      event(1 + 2 * GAP, 'purchase', 'b'), // of the same session as the first
      event(200, 'view', 'c'),
    ];
    expect(read(events).history).toEqual(['b', 'c']);
  });

  it('takes the last session as an earlier one once its pause is over', () => {
    const events = [event(1, 'view', 'a'), event(2, 'like', 'b')];
    expect(read(events, 2 + GAP).history).toEqual(['a', 'b']);
    expect(read(events, 3 + GAP).history).toEqual(['b']);
  });

  it('leaves out items that the model does not know', () => {
    const events = [event(1, 'view', 'unknown'), event(2, 'view', 'b')];
    expect(read(events).history).toEqual(['b']);
    expect([...read(events).seen]).toContain('unknown');
  });

  it('gives the model the latest items', () => {
    const events = Array.from({ length: 60 }, (_, i) => event(i, 'view', `item ${i}`));
    const { history } = read(events);
    expect(history).toHaveLength(MAX_MODEL_ITEMS);
    expect(history.at(-1)).toBe('item 59');
  });

  it('of nothing makes nothing', () => {
    expect(read([]).history).toEqual([]);
  });
});

describe('toHistoryEvent', () => {
  it('fills in the time and keeps nothing else', () => {
    const given = { type: 'view', item: 'a', user: 'Ann' } as TrackEvent;
    const now = Date.now();
    expect(toHistoryEvent(given, now)).toEqual({ type: 'view', item: 'a', time: now });
  });

  it.each([
    ['type', { type: 'buy', item: 'a' }],
    ['item', { type: 'view', item: 5 }],
    ['item', { type: 'view', item: '' }],
    ['time', { type: 'view', item: 'a', time: NaN }],
    ['time', { type: 'view', item: 'a', time: new Date() }],
    ['time', { type: 'view', item: 'a', time: 1_790_000_000 }], // seconds
    ['event', null],
    ['event', 'view'],
  ])('names the field %s of %j', (field, wrong) => {
    expect(() => toHistoryEvent(wrong as TrackEvent, 0)).toThrowError(
      expect.objectContaining({
        code: 'invalid-event',
        message: expect.stringContaining(`\`${field}\``),
      }),
    );
  });
});
