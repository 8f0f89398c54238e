// What the page makes of the catalogue's titles. Needs no browser.

import { expect, test } from '@playwright/test';

import { articleFirst, byPopularity, parseTitle, search, toFilm } from '../../demo/src/films';
import { findPreset } from '../../demo/src/presets';
import { filmUrl, parseHash, searchUrl } from '../../demo/src/router';

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

test('search takes words with hyphens and slashes as one word and as several', () => {
  const films = [
    "Ben's Huron (1960)",
    'Ben-Hur (1959)',
    'E.T. the Extra-Terrestrial (1982)',
    'Face/Off (1997)',
    'Pink Floyd - The Wall (1982)',
  ].map((title) => film(title, title));
  const found = (query: string) => search(films, query).map(({ id }) => id);
  for (const query of ['benhur', 'ben hur 1959', 'Ben‐Hur 1959']) {
    expect(found(query)).toEqual(['Ben-Hur (1959)']);
  }
  for (const query of ['ben hur', 'ben-hur']) {
    expect(found(query)).toEqual(['Ben-Hur (1959)', "Ben's Huron (1960)"]);
  }
  for (const query of ['extra terrestrial', 'extra-terrestrial', 'extraterrestrial', 'et']) {
    expect(found(query)).toEqual(['E.T. the Extra-Terrestrial (1982)']);
  }
  for (const query of ['face off', 'face/off', 'faceoff', 'off']) {
    expect(found(query)).toEqual(['Face/Off (1997)']);
  }
  for (const query of ['pink floyd the wall', 'floyd - wall', 'wall']) {
    expect(found(query)).toEqual(['Pink Floyd - The Wall (1982)']);
  }
  expect(found('-')).toHaveLength(films.length);
});

test('the newer a film, the dearer', () => {
  const prices = ['Jaws (1975)', 'Alien (1992)', 'Contact (1997)', 'unknown'].map(
    (title) => film(title, title).price,
  );
  expect(prices).toEqual([790, 990, 1290, 790]);
});

test('addresses lead to pages, and pages to addresses', () => {
  expect(parseHash('')).toEqual({ page: 'home' });
  expect(parseHash('#/nowhere')).toEqual({ page: 'home' });
  expect(parseHash(filmUrl('a/b?c'))).toEqual({ page: 'film', id: 'a/b?c' });
  for (const [query, genre] of [
    ['', ''],
    ['8½ & more', "Children's"],
  ] as const) {
    expect(parseHash(searchUrl(query, genre))).toEqual({ page: 'search', query, genre });
  }
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
