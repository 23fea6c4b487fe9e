/**
 * Small problems for weight updates: inputs whose channels depend on each other, their moments, and masks; and the
 * slow, plain solutions that updates are held to.
 */
import fc from "fast-check";
import type { Dense, Products } from "../../src/linalg/products.js";
import { fullProduct, type SecondMoments } from "../../src/linalg/second-moments.js";
import type { Shape } from "../../src/tensor/matrix.js";

/** Numbers that look random and are the same every time. */
export function randomNumbers(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  // The sum of a few uniform numbers, of variance 1.
  return () => uniform() + uniform() + uniform() + uniform() + uniform() + uniform() - 3 + (uniform() - 0.5) * 2.449;
}

/** Rows [tokens, channels] whose channels share a few causes, with a mean that is not 0. */
export function correlatedRows(tokens: number, channels: number, random: () => number): Float32Array {
  const causes = Math.max(1, channels >> 1);
  const mix = Float64Array.from({ length: causes * channels }, random);
  const mean = Float64Array.from({ length: channels }, random);
  const rows = new Float32Array(tokens * channels);
  for (let t = 0; t < tokens; t++) {
    const cause = Float64Array.from({ length: causes }, random);
    for (let i = 0; i < channels; i++) {
      let x = 0.3 * random() + 0.5 * (mean[i] as number);
      for (let c = 0; c < causes; c++)
        x += ((cause[c] as number) * (mix[c * channels + i] as number)) / Math.sqrt(causes);
      rows[t * channels + i] = x;
    }
  }
  return rows;
}

/** Moments of rows [tokens, channels]. */
export function momentsOf(rows: Float32Array, channels: number): SecondMoments {
  const tokens = rows.length / channels;
  const sum = new Float64Array(channels);
  const packed = new Float64Array((channels * (channels + 1)) / 2);
  for (let t = 0; t < tokens; t++) {
    const x = rows.subarray(t * channels, (t + 1) * channels);
    for (let i = 0, k = 0; i < channels; i++) {
      sum[i] = (sum[i] as number) + (x[i] as number);
      for (let j = i; j < channels; j++, k++) packed[k] = (packed[k] as number) + (x[i] as number) * (x[j] as number);
    }
  }
  return { channels, tokens, sum, packed };
}

/** Moments with their product, as weight updates read them. */
export function inputOf(moments: SecondMoments, products: Products) {
  const values = fullProduct(moments, new Float32Array(moments.channels ** 2));
  const dense: Dense = { rows: moments.channels, columns: moments.channels, values };
  return { moments, products, product: () => dense };
}

/** ‖(w − w')X‖² of all rows together, in float64, from the moments. */
export function errorOf(shape: Shape, dense: Float32Array, pruned: Float32Array, moments: SecondMoments): number {
  const g = fullProduct(moments, new Float64Array(moments.channels ** 2));
  let error = 0;
  for (let o = 0; o < shape.out; o++) {
    const d = Float64Array.from(
      { length: shape.in },
      (_, i) => (dense[o * shape.in + i] as number) - (pruned[o * shape.in + i] as number),
    );
    for (let i = 0; i < shape.in; i++)
      for (let j = 0; j < shape.in; j++) error += (d[i] as number) * (g[i * shape.in + j] as number) * (d[j] as number);
  }
  return error;
}

/** Solves a · x = b by elimination with pivots; free variables are 0. @param a [n, n], is overwritten */
export function solveDense(a: Float64Array[], b: Float64Array): Float64Array {
  const n = b.length;
  const least = 1e-12 * Math.max(...a.map((row, i) => Math.abs(row[i] as number)));
  const pivots: number[] = [];
  for (let column = 0, row = 0; column < n; column++) {
    let best = row;
    for (let r = row; r < n; r++) if (Math.abs(a[r]?.[column] as number) > Math.abs(a[best]?.[column] ?? 0)) best = r;
    if (row >= n || Math.abs(a[best]?.[column] as number) <= least) {
      pivots.push(-1);
      continue;
    }
    [a[row], a[best]] = [a[best] as Float64Array, a[row] as Float64Array];
    [b[row], b[best]] = [b[best] as number, b[row] as number];
    const own = a[row] as Float64Array;
    for (let r = 0; r < n; r++) {
      if (r === row) continue;
      const other = a[r] as Float64Array;
      const factor = (other[column] as number) / (own[column] as number);
      for (let c = column; c < n; c++) other[c] = (other[c] as number) - factor * (own[c] as number);
      b[r] = (b[r] as number) - factor * (b[row] as number);
    }
    pivots.push(row++);
  }
  return Float64Array.from(pivots, (row, column) => (row < 0 ? 0 : (b[row] as number) / (a[row]?.[column] as number)));
}

/** One weight with a mask, and what enters it. */
export interface Problem {
  readonly shape: Shape;
  readonly dense: Float32Array;
  readonly start: Float32Array;
  readonly kept: Uint8Array;
  readonly rows: Float32Array;
  readonly moments: SecondMoments;
}

/** A weight whose mask keeps about `share`; `dead` channels are always 0. */
export function problemOf(spec: {
  seed: number;
  out: number;
  inputs: number;
  tokens: number;
  share: number;
  dead?: number;
}): Problem {
  const random = randomNumbers(spec.seed);
  const shape = { out: spec.out, in: spec.inputs };
  const rows = correlatedRows(spec.tokens, spec.inputs, random);
  for (let d = 0; d < (spec.dead ?? 0); d++)
    for (let t = 0; t < spec.tokens; t++) rows[t * spec.inputs + ((d * 7 + 1) % spec.inputs)] = 0;
  const dense = Float32Array.from({ length: spec.out * spec.inputs }, random);
  const kept = Uint8Array.from(dense, (w) => (Math.abs(w) > 1.5 * (1 - spec.share) * Math.abs(random()) ? 1 : 0));
  const start = dense.map((w, k) => (kept[k] === 1 ? w : 0));
  return { shape, dense, start, kept, rows, moments: momentsOf(rows, spec.inputs) };
}

/** Problems of many kinds: fewer tokens than channels, dead channels, rows of which nothing or all is kept. */
export const arbitraryProblem = fc
  .record({
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
    out: fc.integer({ min: 1, max: 6 }),
    inputs: fc.integer({ min: 1, max: 12 }),
    tokens: fc.integer({ min: 1, max: 30 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    dead: fc.integer({ min: 0, max: 3 }),
  })
  .map(problemOf);
