import { useCallback, useState } from 'preact/hooks';

import { useCart } from './cart';
import { LoadingScreen } from './components/loading-screen';
import { ShopFront } from './components/shop-front';
import { useScreenStart } from './focus';
import { recommenderOf, useModels, type Family } from './models';
import { useOffline } from './offline';

export function App() {
  const [family, setFamily] = useState<Family>('small');
  const { models, retry } = useModels(family);
  const offline = useOffline();
  const cart = useCart();
  const [isConsentAnswered, setConsentAnswered] = useState(false);
  const onConsentAnswer = useCallback(() => setConsentAnswered(true), []);
  useScreenStart(models.half.status);
  const recommender = recommenderOf(models.half);
  if (!recommender) return <LoadingScreen model={models.half} onRetry={retry} />;
  return (
    <ShopFront
      models={models}
      recommender={recommender}
      offline={offline}
      cart={cart}
      isConsentAnswered={isConsentAnswered}
      onConsentAnswer={onConsentAnswer}
      family={family}
      setFamily={setFamily}
    />
  );
}
