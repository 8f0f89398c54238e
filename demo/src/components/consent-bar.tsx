import { useState } from 'preact/hooks';

import { useShop } from '../shop';

/**
 * Asks when there is something to remember. A refusal holds as long as the page: to remember it would
 * need what was refused.
 */
export function ConsentBar() {
  const { recommender, consent, events, cart } = useShop();
  const [isAnswered, setAnswered] = useState(false);
  const [failure, setFailure] = useState('');
  if (consent || isAnswered || (events.length === 0 && cart.ids.length === 0)) return null;
  const answer = (granted: boolean) => {
    recommender.setConsent(granted).then(
      () => setAnswered(true),
      (error: Error) => setFailure(error.message),
    );
  };
  return (
    <section class="bar" aria-label="Your consent">
      <p>
        <strong>Remember on this device what you looked at?</strong> It stays here either way:
        nothing is ever sent. If you say no, it is forgotten when you close the page, and so is the
        no.
      </p>
      {failure && <p role="alert">{failure}</p>}
      <div class="bar-buttons">
        <button type="button" class="button" onClick={() => answer(false)}>
          No, forget it
        </button>
        <button type="button" class="button" onClick={() => answer(true)}>
          Yes, remember
        </button>
      </div>
    </section>
  );
}
