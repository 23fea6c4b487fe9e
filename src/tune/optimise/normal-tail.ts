/**
 * The tail of the normal distribution and its inverse, for margins around discrete levels. The
 * series is that of Marsaglia, "Evaluating the Normal Distribution", J. Stat. Softw. 11(4), 2004;
 * its absolute error of about 1e-16 is far below any margin.
 */

/** Beyond this many standard deviations the tail is below 1e-18 and counts as 0. */
const FARTHEST = 9;

const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** The chance that a standard normal number is above `x`, for x ≥ 0: 0.5 … 0. */
export function normalTail(x: number): number {
  if (x >= FARTHEST) return 0;
  let term = x;
  let sum = x;
  for (let k = 3; sum + term !== sum; k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return Math.max(0, 0.5 - sum * density(x));
}

/** The x ≥ 0 above which a standard normal number lies with chance `tail`, for 1e-12 ≤ tail ≤ 0.5. */
export function normalTailQuantile(tail: number): number {
  // The tail is convex and falling, so Newton's steps from 0 never pass the solution.
  let x = 0;
  for (let k = 0; k < 100; k++) {
    const next = x + (normalTail(x) - tail) / density(x);
    if (!(next > x) || next >= FARTHEST) break;
    x = next;
  }
  return x;
}
