/**
 * @param {{prompt: object, codes: number[][]}} model of model.json
 * @param {number[]} history item indices, oldest first
 * @returns {number[]} tokens
 */
export function promptTokens({ prompt, codes }, history) {
  const kept = history.slice(-prompt.max_history);
  const middle = kept.flatMap((item, i) => [...(i > 0 ? prompt.separator : []), ...codes[item]]);
  return [...prompt.prefix, ...middle, ...prompt.suffix];
}

/** How many tokens two prompts have in common at their beginning. */
export function commonLength(a, b) {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
