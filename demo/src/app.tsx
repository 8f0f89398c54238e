import { LoadingScreen } from './components/loading-screen';
import { ShopFront } from './components/shop-front';
import { recommenderOf, useModels } from './models';
import { useOffline } from './offline';

export function App() {
  const { models, retry } = useModels();
  const offline = useOffline();
  const recommender = recommenderOf(models.half);
  if (!recommender) return <LoadingScreen model={models.half} onRetry={retry} />;
  return <ShopFront models={models} recommender={recommender} offline={offline} />;
}
