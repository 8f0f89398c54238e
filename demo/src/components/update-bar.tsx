interface Props {
  readonly onUpdate: () => void;
}

export function UpdateBar({ onUpdate }: Props) {
  return (
    <section class="bar" aria-label="Update">
      <p>A newer version of this shop is here.</p>
      <div class="bar-buttons">
        <button type="button" class="button" onClick={onUpdate}>
          Load it
        </button>
      </div>
    </section>
  );
}
