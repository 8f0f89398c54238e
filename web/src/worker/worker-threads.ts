// Entry of the worker that has threads, and of each of these: wiring only.

import { expose } from 'comlink';

import createEngine from '#engine/threads';
import { Session } from './session.js';

// The engine's threads are workers of this same script, under a name by which the engine's JavaScript
// half knows that it is to be one.
if (!self.name.startsWith('em-pthread')) {
  expose(new Session(__BUILD_ID__, { baseline: createEngine, relaxed: createEngine }));
}
