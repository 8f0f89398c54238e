// What all posters share. A motif draws into a field of WIDTH by HEIGHT, in the colours and with the
// random numbers that it is given.

import type { JSX } from 'preact';

export interface Palette {
  readonly ground: string;
  readonly main: string;
  readonly second: string;
  readonly text: string;
}

export type Random = () => number;
export type Motif = (random: Random, colors: Palette) => JSX.Element;

export const WIDTH = 200;
export const HEIGHT = 300;

export const between = (random: Random, low: number, high: number) => low + (high - low) * random();
export const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i));
