// Films as the page shows them, made from catalogue items.

import type { CatalogItem } from 'halfling';

export interface Film {
  readonly id: string;
  /** As people say it: "The Matrix". */
  readonly title: string;
  readonly year: string;
  readonly genres: readonly string[];
  readonly popularity: number;
  /** In cents: the newer the dearer. */
  readonly price: number;
}

function priceOf(year: string): number {
  if (year >= '1997') return 1290;
  return year >= '1990' ? 990 : 790;
}

const ARTICLES =
  /^(.*), (The|A|An|La|Le|L'|Les|El|Il|Lo|I|Das|Der|Die|De|Los|Las|Det|Den|En|Un|Une)$/i;

/** "Matrix, The" → "The Matrix", "Hussard sur le toit, Le" → "Le Hussard sur le toit". */
export function articleFirst(title: string): string {
  const match = ARTICLES.exec(title.trim());
  if (!match) return title.trim();
  const [, rest = '', article = ''] = match;
  return article.endsWith("'") ? `${article}${rest}` : `${article} ${rest}`;
}

/** Splits "Usual Suspects, The (1995)"; an alternative title in brackets is left out. */
export function parseTitle(raw: string): { title: string; year: string } {
  const match = /^(.*?)\s*\((\d{4})\)\s*$/.exec(raw);
  const [, name = raw, year = ''] = match ?? [];
  const main = name.replace(/\s*\([^)]*\)/g, '');
  return { title: articleFirst(main || name), year };
}

export function toFilm(item: CatalogItem): Film {
  const { title, year } = parseTitle(item.title ?? item.id);
  const genres = (item.category ?? '')
    .split(/\s*[,|]\s*/)
    .filter((genre) => genre && genre !== 'unknown');
  return {
    id: item.id,
    title,
    year,
    genres,
    popularity: item.popularity,
    price: priceOf(year),
  };
}

export function byPopularity(films: readonly Film[]): Film[] {
  return [...films].sort((a, b) => b.popularity - a.popularity || a.title.localeCompare(b.title));
}

/** Genres by how many films have them. */
export function listGenres(films: readonly Film[]): string[] {
  const counts = new Map<string, number>();
  for (const genre of films.flatMap((film) => film.genres)) {
    counts.set(genre, (counts.get(genre) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([genre]) => genre);
}

/** Hyphens and slashes part words as spaces do. */
function fold(text: string): string {
  return text
    .normalize('NFD')
    .replace(/[^\p{L}\p{N}\p{Pd}/\s]/gu, '')
    .replace(/[\p{Pd}/\s]+/gu, ' ')
    .toLowerCase();
}

/** "Ben-Hur" both as "ben hur" and as "benhur". */
function spellings(title: string): readonly string[] {
  return [fold(title), fold(title.replace(/[\p{Pd}/]/gu, ''))];
}

/** Films whose title or year has every word of `query`; those that begin with it come first. */
export function search(films: readonly Film[], query: string): readonly Film[] {
  const words = fold(query).split(' ').filter(Boolean);
  if (words.length === 0) return films;
  const found = films.filter((film) => {
    const text = ` ${spellings(film.title).join(' ')} ${film.year}`;
    return words.every((word) => text.includes(` ${word}`));
  });
  const start = words.join(' ');
  const begins = (film: Film) =>
    Number(spellings(film.title).some((title) => title.replace(/^the /, '').startsWith(start)));
  return found.sort((a, b) => begins(b) - begins(a));
}
