import { useEffect, useState } from 'preact/hooks';

import { focusHeading } from '../focus';
import { useShop } from '../shop';

interface Props {
  readonly isAnswered: boolean;
  readonly onAnswer: () => void;
}

/**
 * Asks when there is something to remember. A refusal holds as long as the page: to remember it would
 * need what was refused. Who withdraws consent has answered, too.
 */
export function ConsentBar({ isAnswered, onAnswer }: Props) {
  const { recommender, consent, events, cart } = useShop();
  const [failure, setFailure] = useState('');
  useEffect(() => {
    if (consent) onAnswer();
  }, [consent]);
  if (consent || isAnswered || (events.length === 0 && cart.ids.length === 0)) return null;
  const answer = (granted: boolean) => {
    recommender.setConsent(granted).then(
      () => {
        onAnswer();
        focusHeading();
      },
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
