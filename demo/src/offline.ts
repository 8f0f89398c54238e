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

export function useOffline(): Offline {
  const [status, setStatus] = useState<Offline['status']>(
    'serviceWorker' in navigator ? 'storing' : 'failed',
  );
  const {
    needRefresh: [hasUpdate],
    updateServiceWorker,
  } = useRegisterSW({ immediate: true, onRegisterError: () => setStatus('failed') });

  useEffect(() => {
    void navigator.serviceWorker?.ready.then(() => setStatus('ready'));
  }, []);
  return { status, hasUpdate, update: () => void updateServiceWorker() };
}
