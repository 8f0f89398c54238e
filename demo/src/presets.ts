import type { Film } from './films';

export interface Preset {
  readonly name: string;
  readonly titles: readonly string[];
}

export const PRESETS: readonly Preset[] = [
  { name: 'Science fiction', titles: ['Star Wars', 'Blade Runner', 'Alien', 'The Terminator'] },
  { name: 'Family night', titles: ['Toy Story', 'The Lion King', 'Babe', 'Aladdin'] },
  { name: 'Hitchcock', titles: ['Psycho', 'Vertigo', 'Rear Window', 'North by Northwest'] },
  { name: 'Crime', titles: ['Pulp Fiction', 'The Usual Suspects', 'Fargo', 'The Godfather'] },
  { name: 'Romance', titles: ['Sleepless in Seattle', 'When Harry Met Sally...', 'Emma', 'Ghost'] },
];

/** The preset's films that the catalogue has, the most popular one where a title has several. */
export function findPreset(preset: Preset, films: readonly Film[]): Film[] {
  return preset.titles.flatMap((title) => {
    const found = films.filter((film) => film.title === title);
    return found.sort((a, b) => b.popularity - a.popularity).slice(0, 1);
  });
}
