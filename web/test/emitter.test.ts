import { afterEach, expect, it, vi } from 'vitest';

import { Emitter } from '../src/emitter.js';

afterEach(() => vi.unstubAllGlobals());

it('reports what a listener throws, also where there is no reportError, and calls the next', () => {
  const reported: (() => void)[] = [];
  vi.stubGlobal('reportError', undefined);
  vi.stubGlobal('queueMicrotask', (report: () => void) => reported.push(report));
  const emitter = new Emitter<{ news: string }>();
  const heard: string[] = [];
  const thrown = new Error('from a listener');
  emitter.on('news', () => {
    throw thrown;
  });
  emitter.on('news', (detail) => heard.push(detail));
  emitter.emit('news', 'good');
  expect(heard).toEqual(['good']);
  expect(reported).toHaveLength(1);
  expect(reported[0]).toThrow(thrown);
});
