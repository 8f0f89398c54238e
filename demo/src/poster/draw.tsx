// Poster pictures: no real ones exist for these films, so each is drawn from its genre (what is
// drawn, in which colours) and its title (where and how large). The same film looks the same always.

import type { JSX } from 'preact';

import type { Film } from '../films';
import { seededRandom } from '../random';
import type { Motif, Palette, Random } from './canvas';
import * as patterns from './patterns';
import * as scenes from './scenes';

const palette = (ground: string, main: string, second: string, text: string): Palette => ({
  ground,
  main,
  second,
  text,
});

interface Style {
  readonly motifs: readonly Motif[];
  readonly palettes: readonly Palette[];
  /** Of the title: 'wide', 'narrow' or 'plain'. */
  readonly lettering: 'wide' | 'narrow' | 'plain';
}

const CREAM = '#f7ecd8';
const NIGHT = '#12131f';

// The genre that says most about a film's looks comes first.
const STYLES: ReadonlyMap<string, Style> = new Map<string, Style>([
  [
    'Film-Noir',
    {
      motifs: [patterns.blinds, scenes.keyhole],
      lettering: 'narrow',
      palettes: [
        palette('#15151a', '#d9d4c7', '#b3261e', '#f4efe4'),
        palette('#1d1c1a', '#c9b78e', '#f4efe4', '#f4efe4'),
      ],
    },
  ],
  [
    'Western',
    {
      motifs: [scenes.desert],
      lettering: 'wide',
      palettes: [
        palette('#e9a15b', '#7a2e1d', '#fbe3b4', '#fff3dc'),
        palette('#d9583b', '#3b1d21', '#f6c36b', '#ffeccb'),
      ],
    },
  ],
  [
    'Sci-Fi',
    {
      motifs: [scenes.stars, scenes.skyline, scenes.grid],
      lettering: 'wide',
      palettes: [
        palette('#10142e', '#f26b5b', '#8fd3ff', '#eef3ff'),
        palette('#0b2030', '#2fb7a8', '#f4d35e', '#eafaf7'),
        palette('#1d1038', '#8f6bff', '#ff9ecf', '#f3edff'),
      ],
    },
  ],
  [
    'Animation',
    {
      motifs: [patterns.bubbles, patterns.confetti, scenes.smile],
      lettering: 'plain',
      palettes: [
        palette('#2b59c3', '#ffcf40', '#f25f5c', '#ffffff'),
        palette('#0f8b8d', '#f9c74f', '#f3722c', '#fffdf5'),
        palette('#7b2d8b', '#ff9f1c', '#2ec4b6', '#fff6ff'),
      ],
    },
  ],
  [
    'Horror',
    {
      motifs: [scenes.teeth, scenes.moon],
      lettering: 'narrow',
      palettes: [
        palette('#170c0f', '#c1121f', '#3a0d12', '#ffe9e3'),
        palette('#0d1712', '#8fbf3f', '#20382b', '#eefbe4'),
      ],
    },
  ],
  [
    'Documentary',
    {
      motifs: [patterns.frames],
      lettering: 'plain',
      palettes: [
        palette('#e8e4da', '#6b7f8c', '#d1495b', '#22272b'),
        palette('#21302f', '#7fa99b', '#f2c14e', '#f1f6f2'),
      ],
    },
  ],
  [
    'Musical',
    {
      motifs: [patterns.notes, patterns.arches],
      lettering: 'wide',
      palettes: [
        palette('#7d1538', '#ffb5a7', '#ffd166', '#fff3ec'),
        palette('#1f3a93', '#8fb8ff', '#ffd166', '#f2f6ff'),
      ],
    },
  ],
  [
    'Fantasy',
    {
      motifs: [scenes.moon, scenes.mountains],
      lettering: 'plain',
      palettes: [
        palette('#231b45', '#0f0b24', '#ffd98e', '#f9f1ff'),
        palette('#0d3b4a', '#06202a', '#f5e6a8', '#e8fbff'),
      ],
    },
  ],
  [
    'Mystery',
    {
      motifs: [scenes.keyhole, patterns.blinds],
      lettering: 'narrow',
      palettes: [
        palette('#0f2a2e', '#d8b26e', '#0f2a2e', '#f6ecd9'),
        palette('#2a1733', '#e07a5f', '#2a1733', '#fbeee8'),
      ],
    },
  ],
  [
    "Children's",
    {
      motifs: [scenes.balloons],
      lettering: 'plain',
      palettes: [
        palette('#58b4d1', '#f94144', '#f9c74f', '#ffffff'),
        palette('#43aa8b', '#f9844a', '#f9e07f', '#fffef2'),
      ],
    },
  ],
  [
    'Crime',
    {
      motifs: [patterns.blinds, patterns.rings, scenes.keyhole],
      lettering: 'narrow',
      palettes: [
        palette('#1c1c22', '#f2a541', '#d7263d', '#fff4df'),
        palette('#0e2431', '#e8d8b4', '#e4572e', '#f8f0dd'),
      ],
    },
  ],
  [
    'Romance',
    {
      motifs: [patterns.overlap, patterns.arches, scenes.horizon],
      lettering: 'plain',
      palettes: [
        palette('#f6d5c9', '#d1495b', '#edae49', '#5a1526'),
        palette('#7f1d4e', '#ff8fa3', '#ffc09f', '#fff0f2'),
        palette('#f3e1d2', '#e76f51', '#8e5572', '#46222f'),
      ],
    },
  ],
  [
    'War',
    {
      motifs: [patterns.chevrons, patterns.stripes],
      lettering: 'narrow',
      palettes: [
        palette('#2f3524', '#8a8f5a', '#c8553d', '#f3f1dc'),
        palette('#39424e', '#9fb1bd', '#d95d39', '#f3f6f8'),
      ],
    },
  ],
  [
    'Thriller',
    {
      motifs: [patterns.rings, scenes.keyhole, patterns.stripes, patterns.halves],
      lettering: 'narrow',
      palettes: [
        palette('#d7401f', '#191414', '#fbe9d0', '#fff6e6'),
        palette('#13333b', '#0a1a1f', '#ff6a3d', '#eaf6f5'),
        palette('#e0a100', '#1d1a14', '#fff3c9', '#fffbe9'),
      ],
    },
  ],
  [
    'Adventure',
    {
      motifs: [scenes.mountains, scenes.horizon, scenes.desert],
      lettering: 'wide',
      palettes: [
        palette('#f2b880', '#274046', '#e4572e', '#fff8ec'),
        palette('#8ecae6', '#1d4e3f', '#ffb703', '#ffffff'),
      ],
    },
  ],
  [
    'Action',
    {
      motifs: [patterns.burst, patterns.stripes, patterns.chevrons, scenes.skyline],
      lettering: 'wide',
      palettes: [
        palette('#1b1b1f', '#e63946', '#f4a261', '#fff3e6'),
        palette('#14213d', '#fca311', '#e5383b', '#fff8e8'),
      ],
    },
  ],
  [
    'Comedy',
    {
      motifs: [patterns.confetti, scenes.smile, patterns.checks],
      lettering: 'plain',
      palettes: [
        palette('#f7c948', '#1f6f8b', '#e4572e', '#22201a'),
        palette('#f4978e', '#5b2a86', '#fff1d0', '#2d1238'),
        palette('#2a9d8f', '#f4e285', '#f4a259', '#fffdf0'),
        palette('#efe3ce', '#e4572e', '#17768a', '#2b1d14'),
      ],
    },
  ],
  [
    'Drama',
    {
      motifs: [patterns.arches, patterns.halves, scenes.horizon],
      lettering: 'plain',
      palettes: [
        palette('#33415c', '#7d8597', '#e9c46a', '#f5f3ea'),
        palette('#e6d5b8', '#9a5b3c', '#35524a', '#2c211a'),
        palette('#4a2c40', '#c77d63', '#f0d3a8', '#fff3e9'),
        palette('#20403d', '#6d9a86', '#f0b67f', '#f2f8f2'),
        palette('#c9c3d6', '#574b74', '#c8553d', '#241d33'),
      ],
    },
  ],
]);
const OTHER: Style = {
  motifs: [patterns.halves],
  lettering: 'plain',
  palettes: [palette(NIGHT, '#ff6a3d', CREAM, CREAM)],
};

export interface Poster {
  readonly colors: Palette;
  readonly lettering: Style['lettering'];
  readonly picture: JSX.Element;
}

function pick<T>(choices: readonly T[], random: Random): T {
  return choices[Math.floor(random() * choices.length)] as T;
}

export function drawPoster(film: Film): Poster {
  const genre = [...STYLES.keys()].find((name) => film.genres.includes(name));
  const style = (genre && STYLES.get(genre)) || OTHER;
  const random = seededRandom(`${film.title} ${film.year}`);
  const colors = pick(style.palettes, random);
  const picture = pick(style.motifs, random)(random, colors);
  return { colors, lettering: style.lettering, picture };
}
