/**
 * The Gini coefficient of many numbers from a histogram of their leading bits, without sorting them.
 *
 * For x_1 ≤ … ≤ x_n: G = Σ_i (2i − n − 1) x_i / (n Σ x) = Σ_i Σ_j |x_i − x_j| / (2 n Σ x). A bin of c
 * numbers with sum s that follows b smaller ones adds (2b + c − n) s to the first numerator, as if all
 * its numbers were their mean. What that leaves out of the second is the differences within bins. In a bin
 * as wide as w they are at most c² w / 2 together, and w ≤ s / (128 c): a bin shares 7 bits of fraction.
 * So the result is never too large, and too small by at most p / 512, where p ≤ 1 is the largest share
 * of the numbers that one bin holds; numbers below 2^−31 of the largest, which share the first bin, add n / 2^33. (All this
 * for a largest number of 2^−94 or more: subnormal numbers have fewer bits of fraction.)
 */

const BINS = 4096;
/** Bits of a float32 below the leading 16: its sign, exponent and 7 bits of fraction. */
const DROPPED_BITS = 16;

const counts = new Int32Array(BINS);
const sums = new Float64Array(BINS);

/**
 * Gini coefficient of the first `count` values: 0 where all are equal, towards 1 where few hold all.
 * 0 where there are none or all are 0.
 *
 * @param values finite and not negative; from a multiple of 4 in their buffer
 */
export function giniCoefficient(values: Float32Array, count: number): number {
  // Positive floats order like their bits.
  const bits = new Int32Array(values.buffer, values.byteOffset, count);
  let largest = 0;
  for (let k = 0; k < count; k++) if ((bits[k] as number) > largest) largest = bits[k] as number;
  if (largest === 0) return 0;
  const offset = (largest >> DROPPED_BITS) - (BINS - 1);
  counts.fill(0);
  sums.fill(0);
  for (let k = 0; k < count; k++) {
    const bin = Math.max(0, ((bits[k] as number) >> DROPPED_BITS) - offset);
    counts[bin] = (counts[bin] as number) + 1;
    sums[bin] = (sums[bin] as number) + (values[k] as number);
  }
  let [before, numerator, total] = [0, 0, 0];
  for (let bin = 0; bin < BINS; bin++) {
    const own = counts[bin] as number;
    const sum = sums[bin] as number;
    numerator += (2 * before + own - count) * sum;
    total += sum;
    before += own;
  }
  return numerator / (count * total);
}
