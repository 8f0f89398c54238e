'use client';

import { useRecommendations, useRecommender } from 'halfling/react';

export default function Page() {
  const { recommender, error } = useRecommender({ model: '/model/' });
  const { recommendations } = useRecommendations(recommender, { limit: 5 });
  return (
    <ul data-threads={recommender?.info.threads}>
      {error?.message}
      {recommendations.map(({ id, item }) => (
        <li key={id}>{item.title}</li>
      ))}
    </ul>
  );
}
