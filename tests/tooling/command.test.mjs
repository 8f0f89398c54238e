// How the scripts run other programs.
import assert from 'node:assert/strict';
import test from 'node:test';

import { mustRun, runCommand } from '../../scripts/lib/command.mjs';

const run = (text, options) => runCommand(['sh', '-c', text], { quiet: true, ...options });

test('gives the exit code and all that was written', async () => {
  assert.deepEqual(await run('echo out; echo err >&2'), { code: 0, output: 'out\nerr\n' });
  assert.equal((await run('exit 3')).code, 3);
  await assert.rejects(mustRun(['false'], { quiet: true }), /'false' failed with exit code 1/);
  await assert.rejects(runCommand(['no-such-program']), /cannot start 'no-such-program'/);
});

test('does not wait for what a program leaves running', { timeout: 20_000 }, async () => {
  assert.deepEqual(await run('sleep 30 & echo done'), { code: 0, output: 'done\n' });
});

test('ends a program at its limit', { timeout: 20_000 }, async () => {
  assert.equal((await run('exec sleep 30', { limit: 200 })).code, 1);
});
