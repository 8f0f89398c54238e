import type { HalflingError } from 'halfling';
import { useEffect, useRef, useState } from 'preact/hooks';

import { useComparison } from '../comparison';
import { formatBytes, plural } from '../format';
import { isSettled } from '../models';
import type { Offline } from '../offline';
import { countRequests, type Requests } from '../requests';
import { HOW } from '../router';
import { useShop } from '../shop';
import { readFiles, readPersonal, type StoredFiles } from '../storage';
import { seenItems } from '../visitor';
import { CrossIcon } from './icons';
import { ModelTable } from './model-table';

interface Props {
  /** Made since loading; undefined while loading. */
  readonly requests: Requests | undefined;
  readonly offline: Offline;
  readonly onClose: () => void;
}

export function PrivacyDrawer({ requests, offline, onClose }: Props) {
  const { models, events } = useShop();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const comparison = useComparison(models, seenItems(events));
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
        <RequestsMade requests={requests} />
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

function RequestsMade({ requests }: Pick<Props, 'requests'>) {
  return (
    <section aria-labelledby="requests">
      <h3 id="requests">Requests since the shop was loaded</h3>
      <p class="figure">{requests ? countRequests(requests) : '…'}</p>
      <p class="note">Counted by the browser, in the page and in its workers.</p>
      {requests && countRequests(requests) > 0 && (
        <ul class="addresses">
          {requests.byPage.map((address, i) => (
            <li key={i}>{address}</li>
          ))}
          {requests.byWorkers > 0 && <li>by the workers: {requests.byWorkers}</li>}
        </ul>
      )}
    </section>
  );
}

function useFiles(offline: Offline): StoredFiles | undefined {
  const isLoaded = isSettled(useShop().models);
  const [files, setFiles] = useState<StoredFiles>();
  useEffect(() => {
    readFiles().then(setFiles, () => setFiles(undefined));
  }, [isLoaded, offline.status]);
  return files;
}

/** In words; asked again and again, for other tabs store and erase, too. */
function usePersonal(): string {
  const { events, consent, cart } = useShop();
  const [text, setText] = useState('');
  useEffect(() => {
    const read = () => {
      readPersonal().then(
        (things) => setText(things.join(', ') || 'nothing'),
        () => setText('cannot be read here'),
      );
    };
    const timer = setInterval(read, 1000);
    read();
    return () => clearInterval(timer);
  }, [events, consent, cart.ids]);
  return text;
}

function Stored({ offline }: Pick<Props, 'offline'>) {
  const { events, consent, cart } = useShop();
  const files = useFiles(offline);
  const place = consent ? 'on this device' : 'in this page’s memory only';
  return (
    <section aria-labelledby="stored">
      <h3 id="stored">Stored on this device</h3>
      <dl class="stored">
        <dt>About you</dt>
        <dd>{usePersonal()}</dd>
        <dt>Your history</dt>
        <dd>
          {plural(events.length, 'event')}, {place}
        </dd>
        <dt>Your cart</dt>
        <dd>
          {plural(cart.ids.length, 'film')}, {place}
        </dd>
        {files?.models.map(({ name, bytes }) => (
          <>
            <dt>{name}</dt>
            <dd>{formatBytes(bytes)}</dd>
          </>
        ))}
        <dt>The shop itself</dt>
        <dd>
          {files && `${plural(files.shop.files, 'file')}, ${formatBytes(files.shop.bytes)}; `}
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
