// The visitor's history, as the recommender has it, for components to render.

import type { EventType, HistoryEvent, Recommender } from 'halfling';
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

/** The last thing that the visitor said of a film, beyond looking at it. */
export function lastSaid(events: readonly HistoryEvent[], item: string): EventType | undefined {
  return events.filter((event) => event.item === item && event.type !== 'view').at(-1)?.type;
}

/** Not the same opinion again; nor a look at a dismissed film, which would take the dismissal back. */
export function isNews(events: readonly HistoryEvent[], type: EventType, item: string): boolean {
  const said = lastSaid(events, item);
  if (type === 'view') return said !== 'dismiss';
  return said !== type || (type !== 'like' && type !== 'dismiss');
}
