/** The Gini coefficient by its definition over sorted numbers, in float64. */
export function sortedGini(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const total = sorted.reduce((sum, x) => sum + x, 0);
  if (total === 0) return 0;
  const n = sorted.length;
  return sorted.reduce((sum, x, k) => sum + (2 * (k + 1) - n - 1) * x, 0) / (n * total);
}
