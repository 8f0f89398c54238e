// Entry of the worker: wiring only.

import { expose } from 'comlink';

import createBaseline from '#engine/baseline';
import createRelaxed from '#engine/relaxed';
import { Session } from './session.js';

expose(new Session(__BUILD_ID__, { baseline: createBaseline, relaxed: createRelaxed }));
