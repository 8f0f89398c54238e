// Just enough of a document for React to run the hooks of components that draw nothing.

import { act } from 'react';
import { vi } from 'vitest';

const target = { addEventListener: () => undefined, removeEventListener: () => undefined };

/** Does `work`, and waits for all that React makes of it. */
export function settle(work: () => unknown): Promise<void> {
  return act(async () => void (await work()));
}

/** A root of react-dom/client; whatever makes it render is to be done by settle(). */
export async function createTestRoot() {
  const window = { ...target, HTMLIFrameElement: class {} };
  const document = { ...target, nodeType: 9, activeElement: null, defaultView: window };
  vi.stubGlobal('window', window);
  vi.stubGlobal('document', document);
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  const container = {
    ...target,
    nodeType: 1,
    nodeName: 'DIV',
    tagName: 'DIV',
    namespaceURI: 'http://www.w3.org/1999/xhtml',
    ownerDocument: document,
  };
  const { createRoot } = await import('react-dom/client');
  return createRoot(container as unknown as Element);
}
