import { findPreset, PRESETS } from '../presets';
import { useShop } from '../shop';

interface Props {
  readonly label: string;
  /** What a press does with the films. Default: they count as viewed. */
  readonly onChoose?: (ids: readonly string[]) => void;
}

export function Presets({ label, onChoose }: Props) {
  const { films, track } = useShop();
  const choose = onChoose ?? ((ids: readonly string[]) => track('view', ...ids));
  return (
    <div class="chips" role="group" aria-label={label}>
      <span class="note">{label}</span>
      {PRESETS.map((preset) => (
        <button
          type="button"
          class="chip"
          key={preset.name}
          onClick={() => choose(findPreset(preset, films).map(({ id }) => id))}
        >
          {preset.name}
        </button>
      ))}
    </div>
  );
}
