/** The figure that benchmarks report of repeated measurements: one slow run must not spoil it. */

/** The upper median; NaN of nothing. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
