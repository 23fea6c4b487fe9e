/** Matrices for tests of linear algebra: seeded, with the condition that a test wants, and how far two are apart. */
import type { Dense } from "../../src/linalg/products.js";

/** A generator of numbers in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers from −1 to 1, float64. */
export function randomMatrix(rows: number, columns: number, seed: number): Dense<Float64Array> {
  const random = seeded(seed);
  return { rows, columns, values: Float64Array.from({ length: rows * columns }, () => 2 * random() - 1) };
}

export const asFloat32 = ({ rows, columns, values }: Dense<Float64Array>): Dense => ({
  rows,
  columns,
  values: Float32Array.from(values),
});

/** The largest difference of two matrices, as a share of the largest element of the second. */
export function distance(
  found: { readonly values: ArrayLike<number> },
  expected: { readonly values: ArrayLike<number> },
): number {
  let [difference, largest] = [0, 0];
  for (let k = 0; k < expected.values.length; k++) {
    difference = Math.max(difference, Math.abs((found.values[k] as number) - (expected.values[k] as number)));
    largest = Math.max(largest, Math.abs(expected.values[k] as number));
  }
  return found.values.length === expected.values.length ? difference / (largest || 1) : Number.POSITIVE_INFINITY;
}
