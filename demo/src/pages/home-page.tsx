import { Poster } from '../components/poster';
import { Presets } from '../components/presets';
import {
  BecauseShelf,
  ForYouShelf,
  PopularShelf,
  SimilarShelf,
  useList,
  useStrongestReason,
} from '../components/shelves';
import { focusHeading } from '../focus';
import { HOW } from '../router';
import { useShop } from '../shop';
import { seenItems } from '../visitor';

export function HomePage() {
  const { events, track } = useShop();
  const isKnown = seenItems(events).length > 0;
  const view = (ids: readonly string[]) => {
    track('view', ...ids);
    focusHeading();
  };
  return (
    <>
      <section class={isKnown ? 'hero hero-small' : 'hero'}>
        <h1 tabIndex={-1}>Films chosen on your device, by a model that was halved to fit it.</h1>
        {!isKnown && (
          <>
            <p>
              Look at a few films and the shelves become yours. Everything is computed in this page;
              nothing you do leaves it. <a href={HOW}>How it works</a>
            </p>
            <Presets label="See it with somebody’s taste:" onChoose={view} />
            <Fan />
          </>
        )}
      </section>
      {isKnown && <PersonalShelves />}
      <PopularShelf />
    </>
  );
}

/** Covers for decoration. */
function Fan() {
  const { films } = useShop();
  return (
    <div class="fan" aria-hidden="true">
      {films.slice(0, 3).map((film, i) => (
        <Poster key={film.id} film={film} small={i > 0} />
      ))}
    </div>
  );
}

function PersonalShelves() {
  const { events, filmOf } = useShop();
  const forYou = useList({});
  const reason = useStrongestReason(forYou[0]?.id);
  const seen = seenItems(events);
  const last = filmOf(seen.filter((id) => id !== reason?.id).at(-1) ?? '');
  return (
    <>
      <p class="visually-hidden" role="status">
        {forYou[0] && `The shelves follow you. First: ${forYou[0].title}.`}
      </p>
      <ForYouShelf films={forYou} />
      {reason && <BecauseShelf reason={reason} shown={forYou} />}
      {last && <SimilarShelf film={last} />}
    </>
  );
}
