// Motifs that are made of shapes alone.

import { between, times, WIDTH, type Motif } from './canvas';

export const burst: Motif = (random, colors) => {
  const x = between(random, 60, 140);
  const y = between(random, 90, 150);
  const turn = random() * 30;
  return (
    <>
      {times(12, (i) => (
        <path
          d="M0 0 L-26 -330 L26 -330 Z"
          fill={i % 2 ? colors.main : colors.second}
          opacity={i % 2 ? 1 : 0.75}
          transform={`translate(${x} ${y}) rotate(${turn + i * 30})`}
        />
      ))}
      <circle cx={x} cy={y} r={between(random, 24, 36)} fill={colors.ground} />
    </>
  );
};

export const bubbles: Motif = (random, colors) => (
  <>
    {times(7, (i) => (
      <circle
        cx={random() * WIDTH}
        cy={between(random, 10, 220)}
        r={between(random, 18, 58)}
        fill={i % 3 === 0 ? colors.text : i % 2 ? colors.main : colors.second}
        opacity="0.85"
      />
    ))}
  </>
);

export const confetti: Motif = (random, colors) => (
  <>
    {times(26, (i) => (
      <rect
        x="-7"
        y="-7"
        width="14"
        height={i % 3 ? 14 : 6}
        rx={i % 2 ? 7 : 1}
        fill={i % 2 ? colors.main : colors.second}
        transform={`translate(${random() * WIDTH} ${between(random, 0, 210)}) rotate(${random() * 180})`}
      />
    ))}
  </>
);

export const checks: Motif = (random, colors) => {
  const size = [25, 40, 50][Math.floor(random() * 3)] ?? 40;
  const columns = WIDTH / size;
  return (
    <g transform={`rotate(${between(random, -14, 14)} 100 110) scale(1.25)`}>
      {times(Math.round(columns * columns), (i) => {
        const x = (i % columns) * size;
        const y = Math.floor(i / columns) * size;
        return (i + Math.floor(i / columns)) % 2 ? (
          <circle
            cx={x + size / 2 - 20}
            cy={y + size / 2 - 20}
            r={size * 0.42}
            fill={random() > 0.3 ? colors.main : colors.second}
          />
        ) : null;
      })}
    </g>
  );
};

export const blinds: Motif = (random, colors) => {
  const tilt = between(random, -12, 12);
  const x = between(random, 60, 140);
  return (
    <>
      <path d={`M${x} -10 L${x - 110} 310 L${x + 90} 310 Z`} fill={colors.main} opacity="0.9" />
      <g transform={`rotate(${tilt} 100 150)`}>
        {times(14, (i) => (
          <rect
            x="-40"
            y={i * 26 - 30}
            width="280"
            height={between(random, 9, 14)}
            fill={colors.ground}
          />
        ))}
      </g>
      <circle cx={x} cy="64" r="16" fill={colors.second} />
    </>
  );
};

export const frames: Motif = (random, colors) => {
  const chosen = Math.floor(random() * 12);
  return (
    <>
      {times(12, (i) => (
        <rect
          x={16 + (i % 3) * 58}
          y={18 + Math.floor(i / 3) * 50}
          width="50"
          height="42"
          rx="3"
          fill={i === chosen ? colors.second : colors.main}
          opacity={i === chosen ? 1 : between(random, 0.35, 0.95)}
        />
      ))}
    </>
  );
};

export const arches: Motif = (random, colors) => {
  const lean = random() > 0.5 ? 1 : -1;
  const x = 100 + lean * between(random, 15, 40);
  const y = between(random, 150, 190);
  return (
    <>
      {times(5, (i) => (
        <path
          d={`M${x - 120 + i * 24} 310 V${y} a${120 - i * 24} ${120 - i * 24} 0 0 1 ${240 - i * 48} 0 V310 Z`}
          fill={i % 2 ? colors.ground : i === 4 ? colors.second : colors.main}
        />
      ))}
    </>
  );
};

export const halves: Motif = (random, colors) => {
  const y = between(random, 95, 135);
  const radius = between(random, 60, 84);
  return (
    <g transform={`rotate(${between(random, -40, 40)} 100 ${y})`}>
      <path
        d={`M96 ${y - radius} a${radius} ${radius} 0 0 0 0 ${radius * 2} Z`}
        fill={colors.main}
      />
      <path
        d={`M104 ${y - radius + 22} a${radius} ${radius} 0 0 1 0 ${radius * 2} Z`}
        fill={colors.second}
      />
    </g>
  );
};

export const notes: Motif = (random, colors) => {
  const wave = (y: number, depth: number) =>
    `M-10 ${y} C50 ${y - depth} 90 ${y + depth} 130 ${y} S190 ${y - depth} 220 ${y}`;
  const depth = between(random, 20, 60);
  return (
    <>
      {times(5, (i) => (
        <path d={wave(80 + i * 22, depth)} fill="none" stroke={colors.main} stroke-width="5" />
      ))}
      {times(6, (i) => (
        <ellipse
          cx={22 + i * 31}
          cy={between(random, 75, 175)}
          rx="13"
          ry="10"
          fill={colors.second}
          transform="rotate(-18 100 120)"
        />
      ))}
    </>
  );
};

export const rings: Motif = (random, colors) => {
  const x = between(random, 70, 130);
  const y = between(random, 90, 140);
  const drift = between(random, -4, 4);
  return (
    <>
      {times(9, (i) => (
        <circle
          cx={x + drift * i}
          cy={y + drift * i * 0.6}
          r={180 - i * 20}
          fill={i % 2 ? colors.main : colors.ground}
        />
      ))}
      <circle cx={x + drift * 9} cy={y + drift * 5} r="11" fill={colors.second} />
    </>
  );
};

export const overlap: Motif = (random, colors) => {
  const y = between(random, 95, 130);
  const gap = between(random, 26, 40);
  return (
    <>
      <circle cx={100 - gap} cy={y} r="62" fill={colors.main} />
      <circle cx={100 + gap} cy={y + 14} r="62" fill={colors.second} opacity="0.82" />
    </>
  );
};

export const chevrons: Motif = (random, colors) => {
  const top = between(random, 10, 40);
  return (
    <>
      {times(5, (i) => (
        <path
          d={`M-10 ${top + i * 44 + 50} L100 ${top + i * 44} L210 ${top + i * 44 + 50} v22 L100 ${top + i * 44 + 22} L-10 ${top + i * 44 + 72} Z`}
          fill={i % 2 ? colors.second : colors.main}
          opacity={1 - i * 0.12}
        />
      ))}
    </>
  );
};

export const stripes: Motif = (random, colors) => {
  const tilt = between(random, 24, 44) * (random() > 0.5 ? 1 : -1);
  return (
    <g transform={`rotate(${tilt} 100 120)`}>
      {times(5, (i) => (
        <rect
          x="-120"
          y={20 + i * 44}
          width={between(random, 240, 440)}
          height={between(random, 12, 34)}
          fill={i % 2 ? colors.second : colors.main}
        />
      ))}
    </g>
  );
};
