/** @returns {number} the value below which `share` of the sorted values lie */
export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** @param {number[]} values milliseconds */
export function summarize(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const rounded = (share) => Number(quantile(sorted, share).toFixed(3));
  return { median: rounded(0.5), p10: rounded(0.1), p90: rounded(0.9), p99: rounded(0.99) };
}
