import { FAMILY_NAMES, HAS_LANGUAGE_MODEL, type Family } from '../models';
import { useShop } from '../shop';

/** Nothing where the build has one family only. */
export function FamilyChoice() {
  const { family, setFamily } = useShop();
  if (!HAS_LANGUAGE_MODEL) return null;
  return (
    <div class="chips" role="group" aria-label="Which models">
      <span class="note">Which models:</span>
      {Object.entries(FAMILY_NAMES).map(([key, name]) => (
        <button
          type="button"
          class="chip"
          key={key}
          aria-pressed={key === family}
          onClick={() => setFamily(key as Family)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
