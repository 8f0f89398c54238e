// Where the keyboard goes on when what had the focus is gone.

import { useLayoutEffect, useRef } from 'preact/hooks';

import type { ModelState } from './models';

export function focusHeading(options: FocusOptions = { preventScroll: true }): void {
  document.querySelector<HTMLElement>('main h1')?.focus(options);
}

/** A new screen begins at its heading; the first one as the browser begins a page. */
export function useScreenStart(screen: ModelState['status']): void {
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    if (!isFirst.current) focusHeading();
    if (screen !== 'loading') isFirst.current = false;
  }, [screen]);
}
