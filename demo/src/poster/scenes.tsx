// Motifs that show something.

import { between, HEIGHT, times, WIDTH, type Motif } from './canvas';

export const stars: Motif = (random, colors) => {
  const radius = between(random, 58, 88);
  const x = between(random, 50, 160);
  const y = between(random, 80, 130);
  return (
    <>
      {times(34, () => (
        <circle
          cx={random() * WIDTH}
          cy={random() * HEIGHT}
          r={between(random, 0.5, 1.7)}
          fill={colors.text}
          opacity={between(random, 0.3, 0.9)}
        />
      ))}
      <circle cx={x} cy={y} r={radius} fill={colors.main} />
      <path
        d={`M${x - radius} ${y} a${radius} ${radius} 0 0 0 ${radius * 2} 0 a${radius} ${radius * 0.55} 0 0 1 ${-radius * 2} 0`}
        fill={colors.ground}
        opacity="0.35"
      />
      <ellipse
        cx={x}
        cy={y}
        rx={radius * 1.55}
        ry={radius * 0.3}
        fill="none"
        stroke={colors.second}
        stroke-width="5"
        transform={`rotate(${between(random, -28, 28)} ${x} ${y})`}
      />
    </>
  );
};

export const skyline: Motif = (random, colors) => (
  <>
    <circle
      cx={between(random, 40, 160)}
      cy={between(random, 60, 100)}
      r="46"
      fill={colors.second}
    />
    {times(9, (i) => {
      const height = between(random, 60, 190);
      return (
        <rect
          x={i * 23 - 4}
          y={300 - height}
          width="19"
          height={height}
          fill={colors.main}
          opacity={between(random, 0.55, 1)}
        />
      );
    })}
  </>
);

export const grid: Motif = (random, colors) => {
  const y = between(random, 110, 150);
  const x = between(random, 80, 120);
  return (
    <>
      <circle cx={x} cy={y} r={between(random, 44, 64)} fill={colors.second} />
      <rect y={y} width="200" height="190" fill={colors.ground} />
      {times(11, (i) => (
        <path d={`M${x} ${y} L${i * 80 - 300} 300`} stroke={colors.main} stroke-width="2" />
      ))}
      {times(7, (i) => (
        <path d={`M0 ${y + 3.4 * i * i} H200`} stroke={colors.main} stroke-width="2" />
      ))}
    </>
  );
};

export const mountains: Motif = (random, colors) => {
  const ridge = (base: number, height: number) =>
    `M0 300 V${base} ${times(6, (i) => `L${i * 40 + 20} ${base - height * random()} L${(i + 1) * 40} ${base - height * random() * 0.3}`).join(' ')} V300 Z`;
  return (
    <>
      <circle
        cx={between(random, 40, 160)}
        cy={between(random, 55, 95)}
        r={between(random, 26, 40)}
        fill={colors.second}
      />
      <path d={ridge(150, 70)} fill={colors.main} opacity="0.45" />
      <path d={ridge(190, 60)} fill={colors.main} opacity="0.75" />
      <path d={ridge(235, 50)} fill={colors.main} />
    </>
  );
};

export const horizon: Motif = (random, colors) => {
  const y = between(random, 130, 175);
  const x = between(random, 55, 145);
  return (
    <>
      <circle cx={x} cy={y} r={between(random, 40, 62)} fill={colors.second} />
      <rect y={y} width="200" height="180" fill={colors.main} />
      {times(6, (i) => (
        <rect
          x={x - 60 + i * 8}
          y={y + 10 + i * 13}
          width={120 - i * 16}
          height="4"
          rx="2"
          fill={colors.second}
          opacity={0.8 - i * 0.11}
        />
      ))}
    </>
  );
};

export const desert: Motif = (random, colors) => {
  const x = between(random, 50, 150);
  const left = between(random, -20, 60);
  return (
    <>
      <circle cx={x} cy="120" r={between(random, 48, 66)} fill={colors.second} />
      <path
        d={`M${left} 230 l14 -80 h52 l14 80 Z M${left + 110} 230 l10 -46 h34 l10 46 Z`}
        fill={colors.main}
      />
      <rect y="205" width="200" height="100" fill={colors.main} />
    </>
  );
};

export const moon: Motif = (random, colors) => {
  const x = between(random, 80, 125);
  const tower = between(random, 30, 150);
  return (
    <>
      <circle cx={x} cy="95" r="62" fill={colors.second} />
      <circle cx={x + 26} cy="82" r="52" fill={colors.ground} />
      {times(12, () => (
        <path
          d="M0 -6 L1.5 -1.5 L6 0 L1.5 1.5 L0 6 L-1.5 1.5 L-6 0 L-1.5 -1.5 Z"
          fill={colors.text}
          opacity={between(random, 0.4, 1)}
          transform={`translate(${random() * WIDTH} ${random() * 170})`}
        />
      ))}
      <path
        d={`M${tower - 18} 300 V200 L${tower} 150 L${tower + 18} 200 V300 Z`}
        fill={colors.main}
      />
      <path
        d={`M${tower + 14} 300 V225 L${tower + 28} 190 L${tower + 42} 225 V300 Z`}
        fill={colors.main}
      />
    </>
  );
};

export const balloons: Motif = (random, colors) => (
  <>
    {times(4, (i) => {
      const x = 34 + i * 44;
      const y = between(random, 50, 140);
      return (
        <g>
          <path
            d={`M${x} ${y + 30} Q${x + 14} ${y + 90} 100 300`}
            fill="none"
            stroke={colors.text}
            stroke-width="1.5"
            opacity="0.6"
          />
          <ellipse cx={x} cy={y} rx="25" ry="31" fill={i % 2 ? colors.main : colors.second} />
          <ellipse cx={x - 8} cy={y - 11} rx="5" ry="8" fill={colors.text} opacity="0.45" />
        </g>
      );
    })}
  </>
);

export const smile: Motif = (random, colors) => {
  const y = between(random, 85, 120);
  const radius = between(random, 62, 80);
  return (
    <>
      <circle cx="100" cy={y} r={radius} fill={colors.main} />
      <path
        d={`M${100 - radius * 0.6} ${y + 6} a${radius * 0.6} ${radius * 0.6} 0 0 0 ${radius * 1.2} 0 Z`}
        fill={colors.ground}
      />
      <circle cx={100 - radius * 0.35} cy={y - 22} r="7" fill={colors.ground} />
      <rect
        x={100 + radius * 0.35 - 8}
        y={y - 24}
        width="16"
        height="5"
        rx="2.5"
        fill={colors.ground}
        transform={`rotate(${between(random, -25, 10)} ${100 + radius * 0.35} ${y - 22})`}
      />
    </>
  );
};

export const teeth: Motif = (random, colors) => {
  const row = (y: number, down: number) =>
    times(
      7,
      (i) => `L${i * 33 + 16} ${y + down * between(random, 40, 95)} L${(i + 1) * 33} ${y}`,
    ).join(' ');
  return (
    <>
      <circle cx="100" cy="118" r={between(random, 36, 50)} fill={colors.main} />
      <ellipse cx="100" cy="118" rx={between(random, 6, 13)} ry="34" fill={colors.ground} />
      <path d={`M0 -5 V14 ${row(14, 1)} V-5 Z`} fill={colors.second} />
      <path d={`M0 305 V225 ${row(225, -1)} V305 Z`} fill={colors.second} />
    </>
  );
};

export const keyhole: Motif = (random, colors) => {
  const y = between(random, 85, 115);
  return (
    <>
      <path d={`M-10 310 L-10 -10 L210 -10 L210 310 Z`} fill={colors.main} opacity="0.25" />
      <path
        d={`M100 ${y - 60} a46 46 0 0 1 24 84 L140 ${y + 120} H60 L76 ${y + 24} A46 46 0 0 1 100 ${y - 60} Z`}
        fill={colors.main}
      />
      <circle cx={between(random, 85, 115)} cy={y - 12} r="13" fill={colors.second} />
    </>
  );
};
