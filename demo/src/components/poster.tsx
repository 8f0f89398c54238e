import { memo } from 'preact/compat';

import type { Film } from '../films';
import { drawPoster } from '../poster/draw';
import { HEIGHT, WIDTH } from '../poster/canvas';

interface Props {
  readonly film: Film;
  /** Small ones bear no title. */
  readonly small?: boolean;
}

function lengthClass(title: string): string {
  const longestWord = Math.max(...title.split(' ').map((word) => word.length));
  if (title.length <= 10 && longestWord <= 8) return 'poster-title-short';
  return title.length <= 24 && longestWord <= 11 ? 'poster-title-medium' : 'poster-title-long';
}

/** A drawn film poster. Decoration only: whoever shows it says the film's name beside it. */
export const Poster = memo(function Poster({ film, small = false }: Props) {
  const { colors, lettering, picture } = drawPoster(film);
  return (
    <span
      class={`poster poster-${lettering}`}
      style={{ background: colors.ground }}
      aria-hidden="true"
    >
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="xMidYMid slice"
        focusable="false"
      >
        {picture}
      </svg>
      {!small && (
        <span
          class={`poster-title ${lengthClass(film.title)}`}
          style={{ color: colors.text, '--shade': colors.ground }}
        >
          {film.title}
        </span>
      )}
    </span>
  );
});
