// The service worker keeps the shop itself (page, scripts, engine, font) for the next visit; the
// models are kept by the package.

import { useEffect, useState } from 'preact/hooks';
import { useRegisterSW } from 'virtual:pwa-register/preact';

export interface Offline {
  /** 'ready': the shop opens without a network. */
  readonly status: 'storing' | 'ready' | 'failed';
  /** There is a newer shop, which takes over when the page is loaded again. */
  readonly hasUpdate: boolean;
  readonly update: () => void;
}

/** Calls `onFailure` if the first copy of the shop cannot be stored: nothing else tells of that. */
function watchInstall(registration: ServiceWorkerRegistration, onFailure: () => void): void {
  const check = () => {
    const { installing, waiting, active } = registration;
    if (!installing && !waiting && !active) onFailure();
  };
  registration.installing?.addEventListener('statechange', check);
  check();
}

export function useOffline(): Offline {
  const [status, setStatus] = useState<Offline['status']>(
    'serviceWorker' in navigator ? 'storing' : 'failed',
  );
  // Where another tab let the update in, this one keeps what it holds until it is asked, too.
  const [isUpdated, setUpdated] = useState(false);
  const [isWanted, setWanted] = useState(false);
  const fail = () => setStatus('failed');
  const {
    needRefresh: [hasUpdate],
    updateServiceWorker,
  } = useRegisterSW({
    immediate: true,
    onRegisterError: fail,
    onRegisteredSW: (_url, registration) => registration && watchInstall(registration, fail),
    onNeedReload: () => setUpdated(true),
  });
  const update = () => {
    setWanted(true);
    void updateServiceWorker();
  };

  useEffect(() => {
    if (isUpdated && isWanted) location.reload();
  }, [isUpdated, isWanted]);
  useEffect(() => {
    void navigator.serviceWorker?.ready.then(() => setStatus('ready'));
  }, []);
  return { status, hasUpdate, update };
}
