import type { ComponentChildren } from 'preact';

import { findPreset, PRESETS } from '../presets';
import { useShop } from '../shop';

interface Props {
  readonly label: string;
  readonly onChoose: (ids: readonly string[]) => void;
  /** What else there is to choose, before the presets. */
  readonly children?: ComponentChildren;
}

export function Presets({ label, onChoose, children }: Props) {
  const { films } = useShop();
  return (
    <div class="chips" role="group" aria-label={label}>
      <span class="note">{label}</span>
      {children}
      {PRESETS.map((preset) => (
        <button
          type="button"
          class="chip"
          key={preset.name}
          onClick={() => onChoose(findPreset(preset, films).map(({ id }) => id))}
        >
          {preset.name}
        </button>
      ))}
    </div>
  );
}
