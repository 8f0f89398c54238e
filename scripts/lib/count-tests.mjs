// Reads how many test cases passed, failed and were skipped from what the test runners print.

/** @typedef {{passed: number, failed: number, skipped: number}} Counts */

const ANSI_COLOUR = /\x1b\[[0-9;]*m/g;

/** @returns {Counts} */
export function addCounts(a, b) {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  };
}

export const NO_TESTS = Object.freeze({ passed: 0, failed: 0, skipped: 0 });

/**
 * Catch2 programs' output, one after another. Catch2 2.x has no skipping: such cases print a line
 * "SKIPPED: why" and count as passed (tests/catch.h), so they are taken off again.
 * @returns {Counts}
 */
export function countCatch2(output) {
  let { passed, failed, skipped } = NO_TESTS;
  for (const line of output.replace(ANSI_COLOUR, '').split('\n')) {
    const all = /All tests passed \(.*? in (\d+) test cases?\)/.exec(line);
    if (all) passed += Number(all[1]);
    const some = /^test cases:\s*\d+\s*(\|.*)$/.exec(line);
    if (some) {
      passed += numberBefore(some[1], 'passed');
      failed += numberBefore(some[1], 'failed');
    }
    if (/^\s*SKIPPED: /.test(line)) skipped += 1;
  }
  return { passed: passed - skipped, failed, skipped };
}

/**
 * A ctest run of Catch2 programs and scripts for Node's runner: their own counts, and one failure
 * for each that failed without giving any.
 * @param {string} log Testing/Temporary/LastTest.log: the output of every program
 * @returns {Counts}
 */
export function countCtest(log) {
  let counts = { ...NO_TESTS };
  for (const program of log.split(/^\d+\/\d+ Testing: /m).slice(1)) {
    const own = addCounts(countCatch2(program), countNodeTest(program));
    const failedProgram = /^Test Failed\.$/m.test(program) || !/^Test Passed\.$/m.test(program);
    if (failedProgram && own.failed === 0) own.failed = 1;
    counts = addCounts(counts, own);
  }
  return counts;
}

/** pytest's last line: "3 failed, 39 passed, 2 skipped in 9.63s". @returns {Counts} */
export function countPytest(output) {
  const summary = lastMatch(output, /^=*\s*(\d+ \w+(?:, \d+ \w+)*) in [\d.]+s.*$/gm);
  return {
    passed: numberBefore(summary, 'passed'),
    failed: numberBefore(summary, 'failed') + numberBefore(summary, 'errors?'),
    skipped: numberBefore(summary, 'skipped'),
  };
}

/** Vitest's "Tests  1 failed | 11 passed | 2 skipped (14)". @returns {Counts} */
export function countVitest(output) {
  const summary = lastMatch(output, /^\s*Tests\s+(.*)$/gm);
  return {
    passed: numberBefore(summary, 'passed'),
    failed: numberBefore(summary, 'failed'),
    skipped: numberBefore(summary, 'skipped') + numberBefore(summary, 'todo'),
  };
}

/** Node's own runner: "# pass 7", or "ℹ pass 7" on a terminal. @returns {Counts} */
export function countNodeTest(output) {
  const number = (word) => Number(lastMatch(output, new RegExp(`^[#ℹ] ${word} (\\d+)$`, 'gm')));
  return {
    passed: number('pass'),
    failed: number('fail') + number('cancelled'),
    skipped: number('skipped') + number('todo'),
  };
}

/** Playwright's closing lines "  1 failed", "  7 passed (12.3s)". @returns {Counts} */
export function countPlaywright(output) {
  const closing = /^\s+\d+ (passed|failed|skipped|flaky|did not run|interrupted)\b.*$/gm;
  const lines = output.replace(ANSI_COLOUR, '').match(closing);
  const summary = (lines ?? []).join('\n');
  return {
    passed: numberBefore(summary, 'passed'),
    failed:
      numberBefore(summary, 'failed') +
      numberBefore(summary, 'flaky') +
      numberBefore(summary, 'interrupted'),
    skipped: numberBefore(summary, 'skipped') + numberBefore(summary, 'did not run'),
  };
}

function lastMatch(output, pattern) {
  return [...output.replace(ANSI_COLOUR, '').matchAll(pattern)].at(-1)?.[1] ?? '';
}

function numberBefore(text, word) {
  return Number(new RegExp(`(\\d+) ${word}\\b`).exec(text)?.[1] ?? 0);
}
