// Whether an engine answered as the reference did: a time counts only where it did.

/** By how much an engine's log-probabilities may differ, where the arithmetic is the same f32. */
export const SAME_SCORE = 1e-3;
/** Log-probabilities of single tokens, by what the other engine's weights are rounded to. */
export const ROUNDED = { f16: 0.02, q8_0: 0.2 };

/**
 * @param {{items: number[], scores: number[]}} expected of the reference, more items than `actual`
 * @param {{items: number[], scores: number[]}} actual
 * @param {number} tolerance of scores; items as near as that may be listed the other way round
 * @returns {{error?: string, swaps: number, difference: number}} swaps of near ties, and the largest
 *   difference of scores
 */
export function compareRankings(expected, actual, tolerance) {
  let [swaps, difference] = [0, 0];
  for (let rank = 0; rank < actual.items.length; rank++) {
    const item = actual.items[rank];
    const place = expected.items.indexOf(item);
    const fail = (why) => ({
      error: `item ${item} at rank ${rank + 1}: ${why}`,
      swaps,
      difference,
    });
    if (place < 0) return fail('the reference does not list it');
    difference = Math.max(difference, Math.abs(expected.scores[place] - actual.scores[rank]));
    if (difference > tolerance) return fail(`its score differs by ${difference.toFixed(4)}`);
    if (place === rank) continue;
    swaps++;
    const gap = Math.abs(expected.scores[place] - expected.scores[rank]);
    if (gap > tolerance) return fail(`the reference has it at ${place + 1}, ${gap.toFixed(4)} apart`);
  }
  return { swaps, difference };
}

/**
 * @param {{token: number, log_prob: number}[]} expected best first
 * @param {{token: number, log_prob: number}[]} actual more of them
 * @returns {{error?: string, difference: number}}
 */
export function compareTokens(expected, actual, tolerance) {
  let difference = 0;
  for (const { token, log_prob: wanted } of expected) {
    const found = actual.find((entry) => entry.token === token);
    if (!found) return { error: `token ${token} is not among the first`, difference };
    difference = Math.max(difference, Math.abs(found.log_prob - wanted));
  }
  if (difference <= tolerance) return { difference };
  return { error: `a token's log-probability differs by ${difference.toFixed(4)}`, difference };
}
