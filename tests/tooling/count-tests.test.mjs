// The counts that `npm test` closes with, from what each runner prints when all is well and not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  countCatch2,
  countCtest,
  countNodeTest,
  countPlaywright,
  countPytest,
  countVitest,
} from '../../scripts/lib/count-tests.mjs';

const counts = (passed, failed, skipped) => ({ passed, failed, skipped });

test('Catch2: several programs, colours, skipped cases taken off the passed ones', () => {
  const output = [
    '\x1b[1;32mAll tests passed\x1b[0m (1 assertion in 1 test case)',
    '  SKIPPED: no data here',
    'All tests passed (3 assertions in 3 test cases)',
    'test cases:  5 |  3 passed | 2 failed',
    'assertions: 12 | 10 passed | 2 failed',
  ].join('\n');
  assert.deepEqual(countCatch2(output), counts(6, 2, 1));
});

test('ctest: a program that crashes before its summary is one failure', () => {
  const log = [
    '1/3 Testing: a_test',
    'All tests passed (3 assertions in 3 test cases)',
    'Test Passed.',
    '2/3 Testing: b_test',
    'AddressSanitizer: heap-use-after-free',
    'Test Failed.',
    '3/3 Testing: c_test',
    'test cases: 4 | 3 passed | 1 failed',
    'Test Failed.',
  ].join('\n');
  assert.deepEqual(countCtest(log), counts(6, 2, 0));
});

test("ctest: Node's runner counts too", () => {
  const log = '1/1 Testing: bindings_test\n# pass 3\n# fail 0\n# skipped 1\nTest Passed.\n';
  assert.deepEqual(countCtest(log), counts(3, 0, 1));
});

test('ctest: a program whose cases all pass but whose end is a failure counts as one', () => {
  const log = '1/1 Testing: a_test\nAll tests passed (1 assertion in 1 test case)\nTest Failed.\n';
  assert.deepEqual(countCtest(log), counts(1, 1, 0));
});

test('pytest', () => {
  assert.deepEqual(countPytest('42 passed in 9.63s\n'), counts(42, 0, 0));
  assert.deepEqual(
    countPytest(
      '=== 2 failed, 39 passed, 1 skipped, 3 warnings, 1 error in 61.20s (0:01:01) ===\n',
    ),
    counts(39, 3, 1),
  );
  assert.deepEqual(countPytest('no tests ran in 0.01s\n'), counts(0, 0, 0));
});

test('Vitest', () => {
  const output =
    ' Test Files  1 failed | 2 passed (3)\n      Tests  1 failed | 11 passed | 2 skipped (14)\n';
  assert.deepEqual(countVitest(output), counts(11, 1, 2));
  assert.deepEqual(countVitest('      Tests  12 passed (12)\n'), counts(12, 0, 0));
});

test('Playwright: what needed a second try has failed', () => {
  const output =
    '  1 failed\n    a.spec.ts:3 › x ────\n  1 flaky\n  2 did not run\n  7 passed (12.3s)\n';
  assert.deepEqual(countPlaywright(output), counts(7, 2, 2));
});

test("Node's runner, piped and on a terminal", () => {
  assert.deepEqual(
    countNodeTest('# tests 9\n# pass 7\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n'),
    counts(7, 1, 1),
  );
  assert.deepEqual(countNodeTest('ℹ pass 7\nℹ fail 0\nℹ cancelled 1\n'), counts(7, 1, 0));
});

test('a runner that says nothing has counted nothing', () => {
  for (const count of [countCatch2, countCtest, countPytest, countVitest, countPlaywright]) {
    assert.deepEqual(count('Segmentation fault\n'), counts(0, 0, 0));
  }
});
