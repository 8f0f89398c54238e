// What the page makes of the catalogue's titles. Needs no browser.

import { expect, test } from '@playwright/test';

import { articleFirst, byPopularity, parseTitle, search, toFilm } from '../../demo/src/films';
import { findPreset } from '../../demo/src/presets';

const film = (id: string, title: string, popularity = 1) => toFilm({ id, title, popularity });

test('titles read as people say them', () => {
  expect(parseTitle('Matrix, The (1999)')).toEqual({ title: 'The Matrix', year: '1999' });
  expect(parseTitle('Star Wars (1977)')).toEqual({ title: 'Star Wars', year: '1977' });
  expect(parseTitle('Seven (Se7en) (1995)')).toEqual({ title: 'Seven', year: '1995' });
  expect(parseTitle('Horseman on the Roof, The (Hussard sur le toit, Le) (1995)')).toEqual({
    title: 'The Horseman on the Roof',
    year: '1995',
  });
  expect(parseTitle('I, Worst of All (Yo, la peor de todas) (1990)').title).toBe('I, Worst of All');
  expect(parseTitle('unknown')).toEqual({ title: 'unknown', year: '' });
  expect(articleFirst("Enfer, L'")).toBe("L'Enfer");
});

test('genres come apart, unknown ones are left out', () => {
  const genres = (category: string) => toFilm({ id: '1', category, popularity: 0 }).genres;
  expect(genres("Animation, Children's, Comedy")).toEqual(['Animation', "Children's", 'Comedy']);
  expect(genres('Sci-Fi|Film-Noir')).toEqual(['Sci-Fi', 'Film-Noir']);
  expect(genres('unknown')).toEqual([]);
});

test('search finds beginnings of words, in titles and years', () => {
  const films = ['Alien (1979)', 'Aliens (1986)', 'My Favorite Martian (1999)', 'Amélie (2001)'];
  const found = (query: string) =>
    search(
      films.map((title) => film(title, title)),
      query,
    ).map(({ id }) => id);
  expect(found('alien')).toEqual(['Alien (1979)', 'Aliens (1986)']);
  expect(found('alien 1986')).toEqual(['Aliens (1986)']);
  expect(found('amelie')).toEqual(['Amélie (2001)']);
  expect(found('lien')).toEqual([]);
  expect(found('  ')).toHaveLength(4);
});

test('presets take the more popular of two films and skip what is missing', () => {
  const films = byPopularity([
    film('new', 'Psycho (1998)', 3),
    film('old', 'Psycho (1960)', 90),
    film('v', 'Vertigo (1958)', 50),
  ]);
  const preset = { name: 'Hitchcock', titles: ['Vertigo', 'Rear Window', 'Psycho'] };
  expect(findPreset(preset, films).map(({ id }) => id)).toEqual(['v', 'old']);
});
