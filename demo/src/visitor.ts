// The visitor's history, as the recommender has it, for components to render.

import type { HistoryEvent, Recommender } from 'halfling';
import { useEffect, useState } from 'preact/hooks';

export function useEvents(recommender: Recommender): readonly HistoryEvent[] {
  const [events, setEvents] = useState(recommender.getHistory());
  useEffect(() => {
    setEvents(recommender.getHistory());
    return recommender.on('history', setEvents);
  }, [recommender]);
  return events;
}

export function useConsent(recommender: Recommender): boolean {
  const [consent, setConsent] = useState(recommender.consent);
  useEffect(() => {
    setConsent(recommender.consent);
    return recommender.on('consent', setConsent);
  }, [recommender]);
  return consent;
}

/** What the visitor has to do with, each at its last event, oldest first; dismissed films are out. */
export function seenItems(events: readonly HistoryEvent[]): string[] {
  const seen = new Set<string>();
  for (const { type, item } of events) {
    seen.delete(item);
    if (type !== 'dismiss') seen.add(item);
  }
  return [...seen];
}

/** Whether the last thing that the visitor said of a film, beyond looking at it, was this. */
export function hasSaid(
  events: readonly HistoryEvent[],
  item: string,
  type: 'like' | 'dismiss',
): boolean {
  const said = events.filter((event) => event.item === item && event.type !== 'view');
  return said.at(-1)?.type === type;
}
