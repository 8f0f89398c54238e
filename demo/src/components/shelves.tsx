// The shelves of the shop: each a question to the recommender.

import type { CatalogItem, Recommender } from 'halfling';
import { useRecommendations, type ListQuery } from 'halfling/react';
import { useEffect, useMemo, useState } from 'preact/hooks';

import type { Film } from '../films';
import { plural } from '../format';
import { filmUrl } from '../router';
import { useShop } from '../shop';
import { seenItems } from '../visitor';
import { Shelf } from './shelf';

const LENGTH = 18;
const MOST_ANSWERS = 50;

type Answers = Map<string, readonly Film[]>;
const answersOf = new WeakMap<Recommender, Answers>();

/**
 * Last answers by their queries, so that a page which is opened again is as high as it was when it was
 * left; forgotten with the history.
 */
function lastAnswers(recommender: Recommender): Answers {
  const known = answersOf.get(recommender);
  if (known) return known;
  const answers: Answers = new Map();
  answersOf.set(recommender, answers);
  recommender.on('history', ({ length }) => length === 0 && answers.clear());
  return answers;
}

export function useList(query: ListQuery<CatalogItem>): readonly Film[] {
  const { recommender, filmOf } = useShop();
  const { status, recommendations } = useRecommendations(recommender, { limit: LENGTH, ...query });
  const films = useMemo(
    () => recommendations.flatMap(({ id }) => filmOf(id) ?? []),
    [recommendations, filmOf],
  );
  const key = JSON.stringify(query);
  const answers = lastAnswers(recommender);
  // With each answer, not with each query: when that changes, the older one's answer stays for a while.
  useEffect(() => {
    if (status !== 'ready') return;
    answers.delete(key); // so that the oldest is the first
    answers.set(key, films);
    if (answers.size > MOST_ANSWERS) answers.delete([...answers.keys()][0] ?? '');
  }, [films]);
  return status === 'ready' || films.length > 0 ? films : (answers.get(key) ?? []);
}

export function ForYouShelf({ films }: { readonly films: readonly Film[] }) {
  const { events } = useShop();
  const count = seenItems(events).length;
  return (
    <Shelf
      heading="For you"
      note={`from the ${plural(count, 'film')} you looked at`}
      films={films}
    />
  );
}

/** The film of the history that speaks most for `recommended`, by asking the model without each. */
export function useStrongestReason(recommended: string | undefined): Film | undefined {
  const { recommender, filmOf, events } = useShop();
  const [id, setId] = useState<string>();
  useEffect(() => {
    if (recommended === undefined) return setId(undefined);
    const outdated = new AbortController();
    recommender.explain(recommended, { signal: outdated.signal }).then(
      (reasons) => setId(reasons[0]?.id),
      () => undefined, // another answer is on its way, or the recommender has ended
    );
    return () => outdated.abort();
  }, [recommender, recommended, events]);
  return id === undefined ? undefined : filmOf(id);
}

interface BecauseProps {
  readonly reason: Film;
  /** Films that the visitor is shown already. */
  readonly shown: readonly Film[];
}

export function BecauseShelf({ reason, shown }: BecauseProps) {
  const { events } = useShop();
  const exclude = [...seenItems(events), ...shown.map(({ id }) => id)];
  const films = useList({ similarTo: reason.id, exclude });
  const link = <a href={filmUrl(reason.id)}>{reason.title}</a>;
  return <Shelf heading={<>Because you viewed {link}</>} films={films} />;
}

export function SimilarShelf({ film }: { readonly film: Film }) {
  const { events } = useShop();
  const films = useList({ similarTo: film.id, exclude: seenItems(events) });
  return <Shelf heading={`Similar to ${film.title}`} films={films} />;
}

export function PopularShelf() {
  return <Shelf heading="Popular" note="with everybody" films={useList({ trending: true })} />;
}
