type Listener<T> = (detail: T) => void;

/** Listeners by the name of what they listen to. What one throws is reported, and the next called. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Returns the function that stops listening. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  has(name: keyof Events): boolean {
    return Boolean(this.#listeners.get(name)?.size);
  }

  emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      guarded(listener as Listener<Events[Name]>)(detail);
    }
  }
}

/** What the caller's function throws is the caller's: it is reported, and we go on. */
export function guarded<T>(listener: Listener<T>): Listener<T> {
  return (detail) => {
    try {
      listener(detail);
    } catch (error) {
      // As reportError() does, which Chrome has from 95 on.
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}
