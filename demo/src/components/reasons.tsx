import type { Reason } from 'halfling';
import { useEffect, useState } from 'preact/hooks';

import type { Film } from '../films';
import { formatProbability } from '../format';
import { filmUrl } from '../router';
import { useShop } from '../shop';
import { seenItems } from '../visitor';
import { Poster } from './poster';

const MOST = 5;

interface Answer {
  readonly reasons: readonly Reason[];
  /** Natural logarithm of the probability that this film comes next. */
  readonly score: number;
}

/** What the model says of `film` after `history`; undefined while it thinks. */
function useAnswer(film: Film, history: readonly string[]): Answer | undefined {
  const { recommender } = useShop();
  const [answer, setAnswer] = useState<Answer>();
  useEffect(() => {
    const outdated = new AbortController();
    const { signal } = outdated;
    const ask = async () => {
      const [own] = await recommender.recommend({ history, allow: [film.id], signal });
      const reasons = await recommender.explain(film.id, { history, signal });
      if (own && !signal.aborted) setAnswer({ reasons, score: own.score });
    };
    if (history.length > 0) void ask().catch(() => undefined);
    return () => outdated.abort();
  }, [recommender, film.id, history.join()]);
  return answer;
}

/** How the films that the visitor looked at speak for this one, or against it. */
export function Reasons({ film }: { readonly film: Film }) {
  const { events, filmOf, films } = useShop();
  const history = seenItems(events).filter((id) => id !== film.id);
  const answer = useAnswer(film, history);
  if (history.length === 0) {
    return (
      <p class="note">Look at another film, and this page says how each speaks for this one.</p>
    );
  }
  if (!answer) return null;
  const strongest = Math.max(...answer.reasons.map(({ contribution }) => Math.abs(contribution)));
  const times = Math.exp(answer.score) * films.length;
  return (
    <section class="reasons" aria-labelledby="reasons">
      <h2 id="reasons">How it fits what you viewed</h2>
      <p class="note">
        {formatProbability(answer.score)} to be your next film of{' '}
        {films.length.toLocaleString('en')}: {times >= 10 ? Math.round(times) : times.toFixed(1)}{' '}
        times mere chance.
      </p>
      <ul>
        {answer.reasons.slice(0, MOST).map(({ id, contribution }) => {
          const viewed = filmOf(id);
          return (
            viewed && (
              <li class="reason" key={id}>
                <a href={filmUrl(id)}>
                  <Poster film={viewed} small />
                  <span class="reason-title">{viewed.title}</span>
                </a>
                <span class="reason-track" aria-hidden="true">
                  <span
                    class={contribution > 0 ? 'for' : 'against'}
                    style={{ width: `${(Math.abs(contribution) / strongest) * 100}%` }}
                  />
                </span>
                <span class="reason-factor">
                  ×{Math.exp(contribution).toFixed(2)}
                  <span class="visually-hidden"> as likely by it</span>
                </span>
              </li>
            )
          );
        })}
      </ul>
    </section>
  );
}
