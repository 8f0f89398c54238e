import { findPreset, PRESETS } from '../presets';
import { useShop } from '../shop';

interface Props {
  readonly label: string;
  readonly onChoose: (ids: readonly string[]) => void;
}

export function Presets({ label, onChoose }: Props) {
  const { films } = useShop();
  return (
    <div class="chips" role="group" aria-label={label}>
      <span class="note">{label}</span>
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
