import type { EventType, Recommender } from 'halfling';
import { useCallback, useMemo, useState } from 'preact/hooks';

import { useStoredCart, type Cart } from '../cart';
import { isSettled, type Family, type Models } from '../models';
import type { Offline } from '../offline';
import { Pages } from '../pages/pages';
import { useFontsReady, useRequests } from '../requests';
import { usePageStart, useRoute } from '../router';
import { ShopContext, useFilms, type Shop } from '../shop';
import { isNews, useConsent, useEvents } from '../visitor';
import { ConsentBar } from './consent-bar';
import { Footer } from './footer';
import { Header } from './header';
import { PrivacyDrawer } from './privacy-drawer';
import { UpdateBar } from './update-bar';

interface Props {
  readonly models: Models;
  readonly recommender: Recommender;
  readonly offline: Offline;
  readonly cart: Cart;
  readonly isConsentAnswered: boolean;
  readonly onConsentAnswer: () => void;
  readonly family: Family;
  readonly setFamily: (family: Family) => void;
}

function useShopState(
  { models, recommender, cart, family, setFamily }: Props,
  openPrivacy: () => void,
): Shop {
  const catalogue = useFilms(recommender);
  const events = useEvents(recommender);
  const consent = useConsent(recommender);
  useStoredCart(cart, consent);
  const track = useCallback(
    (type: EventType, ...ids: readonly string[]) => {
      const news = ids.filter((item) => isNews(recommender.getHistory(), type, item));
      for (const item of news) void recommender.track({ type, item });
    },
    [recommender],
  );
  return useMemo(
    () => ({
      ...catalogue,
      models,
      recommender,
      events,
      track,
      consent,
      cart,
      openPrivacy,
      family,
      setFamily,
    }),
    [
      catalogue,
      models,
      recommender,
      events,
      track,
      consent,
      cart.ids,
      openPrivacy,
      family,
      setFamily,
    ],
  );
}

export function ShopFront(props: Props) {
  const { models, offline } = props;
  const route = useRoute();
  const [isPrivacyOpen, setPrivacyOpen] = useState(false);
  const openPrivacy = useCallback(() => setPrivacyOpen(true), []);
  const closePrivacy = useCallback(() => setPrivacyOpen(false), []);
  const shop = useShopState(props, openPrivacy);
  const isLoaded = useFontsReady() && isSettled(models) && offline.status !== 'storing';
  const requests = useRequests(shop, isLoaded, isPrivacyOpen);
  usePageStart(route.page === 'film' ? `film ${route.id}` : route.page);

  return (
    <ShopContext.Provider value={shop}>
      <Header route={route} requests={requests} />
      <main class="page" id="main">
        <Pages route={route} />
      </main>
      <Footer />
      {/* The bars come unasked: this makes screen readers tell of them. */}
      <div class="bars" aria-live="polite">
        {offline.hasUpdate && <UpdateBar onUpdate={offline.update} />}
        <ConsentBar isAnswered={props.isConsentAnswered} onAnswer={props.onConsentAnswer} />
      </div>
      {isPrivacyOpen && (
        <PrivacyDrawer requests={requests} offline={offline} onClose={closePrivacy} />
      )}
    </ShopContext.Provider>
  );
}
