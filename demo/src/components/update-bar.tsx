import { useShop } from '../shop';

interface Props {
  readonly onUpdate: () => void;
}

export function UpdateBar({ onUpdate }: Props) {
  const { consent, events, cart } = useShop();
  const isLost = !consent && (events.length > 0 || cart.ids.length > 0);
  return (
    <section class="bar" aria-label="Update">
      <p>
        A newer version of this shop is here.
        {isLost && ' To load it forgets what you looked at, and your cart: you did not consent.'}
      </p>
      <div class="bar-buttons">
        <button type="button" class="button" onClick={onUpdate}>
          Load it
        </button>
      </div>
    </section>
  );
}
