// Keeps the keyboard's place where a press takes away the button that was pressed.

import type { RefObject } from 'preact';
import { useLayoutEffect } from 'preact/hooks';

/**
 * When a render takes the focused button out of `section`, focuses the list button that is now in
 * its place, or the section's h2 (which must have a tabIndex). Runs at every render.
 */
export function useKeptFocus(section: RefObject<HTMLElement>): void {
  const listButtons = () => [
    ...(section.current?.querySelectorAll<HTMLElement>('li button') ?? []),
  ];
  // The render has not reached the document yet: this is how the section was before it.
  const before = listButtons();
  const focused = section.current?.querySelector<HTMLElement>(':focus');

  useLayoutEffect(() => {
    if (!focused) return;
    const now = listButtons();
    const inPlace = now.at(Math.min(before.indexOf(focused), now.length - 1));
    const heading = section.current?.querySelector('h2');
    (focused.isConnected ? focused : (inPlace ?? heading))?.focus();
  });
}
