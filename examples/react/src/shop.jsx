import { useState } from 'react';
import { useRecommendations, useRecommender } from 'halfling/react';

export function Shop() {
  const { recommender, progress, error, retry } = useRecommender({ model: '/model/' });
  const [genre, setGenre] = useState('');

  if (error) {
    return (
      <p role="alert">
        {error.message} <button onClick={retry}>Try again</button>
      </p>
    );
  }
  if (!recommender) {
    const { loadedBytes = 0, totalBytes = 1 } = progress ?? {};
    return <progress aria-label="Loading" value={loadedBytes / totalBytes} />;
  }
  return (
    <main>
      <h1>Corner cinema</h1>
      <label>
        Genre{' '}
        <select value={genre} onChange={(event) => setGenre(event.target.value)}>
          <option value="">all</option>
          <option>War</option>
          <option>Comedy</option>
        </select>
      </label>
      <Shelf recommender={recommender} genre={genre} />
      <button onClick={() => recommender.clearHistory().catch((error) => alert(error.message))}>
        Forget what I viewed
      </button>
    </main>
  );
}

function Shelf({ recommender, genre }) {
  const { recommendations, error } = useRecommendations(
    recommender,
    { limit: 6, filter: ({ category = '' }) => category.includes(genre) },
    [genre],
  );
  return (
    <section aria-labelledby="for-you">
      <h2 id="for-you">For you</h2>
      {error && <p role="alert">{error.message}</p>}
      <ul>
        {recommendations.map(({ id, item }) => (
          <li key={id}>
            <button onClick={() => recommender.track({ type: 'view', item: id })}>
              {item.title}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
