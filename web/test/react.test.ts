// What a server renders; the hooks at work are in tests/browser.

import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { describe, expect, it } from 'vitest';

import { useRecommendations, useRecommender } from '../src/react.js';

function Shelf() {
  const { recommender, error } = useRecommender({ model: '/model/' });
  const { status, recommendations } = useRecommendations(recommender, { limit: 3 });
  return createElement('p', null, `${status}, ${recommendations.length}, ${error?.code}`);
}

describe('on a server', () => {
  it('the hooks render their loading state', () => {
    expect(renderToString(createElement(Shelf))).toBe('<p>loading, 0, undefined</p>');
  });

  it('the element’s module can be imported', async () => {
    const { HalflingRecommendations } = await import('../src/element.js');
    expect(HalflingRecommendations).toBeTypeOf('function');
  });
});
