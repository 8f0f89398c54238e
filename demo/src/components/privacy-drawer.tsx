import type { HalflingError } from 'halfling';
import { useEffect, useRef, useState } from 'preact/hooks';

import { useComparison } from '../comparison';
import { formatBytes, plural } from '../format';
import type { Offline } from '../offline';
import { HOW } from '../router';
import { useShop } from '../shop';
import { readStorage, type StoredThings } from '../storage';
import { seenItems } from '../visitor';
import { CrossIcon } from './icons';
import { ModelTable } from './model-table';

interface Props {
  /** Made since loading; undefined while loading. */
  readonly requests: readonly string[] | undefined;
  readonly offline: Offline;
  readonly onClose: () => void;
}

export function PrivacyDrawer({ requests, offline, onClose }: Props) {
  const { models, events } = useShop();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const comparison = useComparison(models, seenItems(events));
  const workerRequests = Object.values(comparison).reduce(
    (sum, { workerRequests }) => sum + workerRequests,
    0,
  );
  const closeOutside = (event: MouseEvent) => {
    if (event.target === dialog.current) dialog.current?.close();
  };
  return (
    <dialog
      class="drawer"
      aria-labelledby="privacy"
      ref={dialog}
      onClose={onClose}
      onClick={closeOutside}
    >
      <div class="drawer-content">
        <header class="drawer-head">
          <h2 id="privacy">Your privacy, live</h2>
          <button
            type="button"
            class="round"
            aria-label="Close"
            onClick={() => dialog.current?.close()}
          >
            <CrossIcon />
          </button>
        </header>
        <Requests requests={requests} workerRequests={workerRequests} />
        <Stored offline={offline} />
        <Rights />
        <section aria-labelledby="cost">
          <h3 id="cost">What it costs this device</h3>
          <ModelTable models={models} comparison={comparison} brief />
          <p>
            <a href={HOW} onClick={() => dialog.current?.close()}>
              How it works: the two side by side
            </a>
          </p>
        </section>
      </div>
    </dialog>
  );
}

interface RequestsProps {
  readonly requests: readonly string[] | undefined;
  readonly workerRequests: number;
}

function Requests({ requests, workerRequests }: RequestsProps) {
  return (
    <section aria-labelledby="requests">
      <h3 id="requests">Requests since the shop was loaded</h3>
      <p class="figure">{requests ? requests.length + workerRequests : '…'}</p>
      {requests && requests.length > 0 ? (
        <ul class="addresses">
          {requests.map((address, i) => (
            <li key={i}>{address}</li>
          ))}
        </ul>
      ) : (
        <p class="note">Counted by the browser, in the page and in its workers.</p>
      )}
    </section>
  );
}

/** Asked again whenever something may have changed. */
function useStorage(offline: Offline): StoredThings | undefined {
  const { events, consent, cart, models } = useShop();
  const [things, setThings] = useState<StoredThings>();
  useEffect(() => {
    const timer = setInterval(() => void readStorage().then(setThings), 1000);
    void readStorage().then(setThings);
    return () => clearInterval(timer);
  }, [events, consent, cart.ids, models, offline.status]);
  return things;
}

function Stored({ offline }: Pick<Props, 'offline'>) {
  const { events, consent, cart } = useShop();
  const things = useStorage(offline);
  const place = consent ? 'on this device' : 'in this page’s memory only';
  return (
    <section aria-labelledby="stored">
      <h3 id="stored">Stored on this device</h3>
      <dl class="stored">
        <dt>About you</dt>
        <dd>{things && (things.personal.length > 0 ? things.personal.join(', ') : 'nothing')}</dd>
        <dt>Your history</dt>
        <dd>
          {plural(events.length, 'event')}, {place}
        </dd>
        <dt>Your cart</dt>
        <dd>
          {plural(cart.ids.length, 'film')}, {place}
        </dd>
        {things?.models.map(({ name, bytes }) => (
          <>
            <dt>{name}</dt>
            <dd>{formatBytes(bytes)}</dd>
          </>
        ))}
        <dt>The shop itself</dt>
        <dd>
          {things && `${plural(things.shop.files, 'file')}, ${formatBytes(things.shop.bytes)}; `}
          {offline.status === 'ready' ? 'opens offline' : 'does not open offline'}
        </dd>
      </dl>
    </section>
  );
}

function Rights() {
  const { recommender, consent, cart } = useShop();
  const [outcome, setOutcome] = useState('');
  const exportAll = () => {
    const all = { ...recommender.exportHistory(), cart: cart.ids };
    const file = new Blob([JSON.stringify(all, undefined, 2)], { type: 'application/json' });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(file);
    link.download = 'halfling-history.json';
    link.click();
    URL.revokeObjectURL(link.href);
    setOutcome('Exported as halfling-history.json.');
  };
  const report = (doing: Promise<void>, done: string) => {
    setOutcome('');
    doing.then(
      () => setOutcome(done),
      (error: HalflingError) => setOutcome(error.message),
    );
  };
  const erase = () => {
    cart.clear();
    report(recommender.clearHistory(), 'Your history and your cart are erased.');
  };
  const changeConsent = () =>
    report(
      recommender.setConsent(!consent),
      consent
        ? 'Consent withdrawn: what was stored is deleted; this page goes on in memory.'
        : 'Thank you. Your history is kept here for 90 days, your cart until you empty it.',
    );
  return (
    <section aria-labelledby="rights">
      <h3 id="rights">Your rights</h3>
      <div class="rights">
        <button type="button" class="button" onClick={exportAll}>
          Export all
        </button>
        <button type="button" class="button" onClick={erase}>
          Erase all
        </button>
        <button type="button" class="button" onClick={changeConsent}>
          {consent ? 'Withdraw consent' : 'Remember me here'}
        </button>
      </div>
      <p class="note" role="status">
        {outcome}
      </p>
    </section>
  );
}
