/** The lowest of many values by rank, without sorting them: which weights a share or a group has to give up. */

/**
 * Puts the value of rank `rank` in its place, none higher before it and none lower behind it (Hoare's selection).
 *
 * @param values changed in their order; no NaN, or it does not end
 * @returns the value of that rank, 0 the lowest
 */
export function selectRank(values: Float32Array, rank: number, first = 0, end = values.length): number {
  let [low, high] = [first, end - 1];
  while (low < high) {
    const pivot = medianOfThree(values, low, high);
    let [left, right] = [low, high];
    while (left <= right) {
      while ((values[left] as number) < pivot) left++;
      while ((values[right] as number) > pivot) right--;
      if (left > right) break;
      const value = values[left] as number;
      values[left++] = values[right] as number;
      values[right--] = value;
    }
    // What lies between both equals the pivot.
    if (rank <= right) high = right;
    else if (rank >= left) low = left;
    else break;
  }
  return values[rank] as number;
}

function medianOfThree(values: Float32Array, low: number, high: number): number {
  const [a, b, c] = [values[low] as number, values[(low + high) >> 1] as number, values[high] as number];
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

/** From how many values on it pays to count them in bins first. */
const MANY = 4096;
/** Of a float's 32 bits the 12 highest make its bin: sign, exponent and an eighth of an octave. */
const [BINS, BIN_BITS] = [4096, 12] as const;

/**
 * The value of a rank, the others left as they are: of many values only those of one bin are selected from.
 *
 * @param values no NaN
 * @param scratch at least as long, changed
 */
function valueOfRank(values: Float32Array, rank: number, scratch: Float32Array): number {
  const { length } = values;
  if (length < MANY) {
    scratch.set(values);
    return selectRank(scratch, rank, 0, length);
  }
  const bits = new Int32Array(values.buffer, values.byteOffset, length);
  // Bits that are in the order of the values: of negative ones all are turned, of others the sign.
  const binOf = (bit: number) => (bit ^ ((bit >> 31) | 0x80000000)) >>> (32 - BIN_BITS);
  const counts = new Uint32Array(BINS);
  for (let k = 0; k < length; k++) {
    const bin = binOf(bits[k] as number);
    counts[bin] = (counts[bin] as number) + 1;
  }
  let [bin, below] = [0, 0];
  while (below + (counts[bin] as number) <= rank) below += counts[bin++] as number;
  let found = 0;
  for (let k = 0; k < length; k++) if (binOf(bits[k] as number) === bin) scratch[found++] = values[k] as number;
  return selectRank(scratch, rank - below, 0, found);
}

/**
 * Marks the `count` lowest of `scores` with 0 and all others with 1. Among equals the lower index stays.
 *
 * @param scores no NaN
 * @param marks as long as `scores`
 * @param scratch at least as long as `scores`, changed
 */
export function markLowest(scores: Float32Array, count: number, marks: Uint8Array, scratch: Float32Array): void {
  const { length } = scores;
  marks.fill(count === length ? 0 : 1);
  if (count === 0 || count === length) return;
  const limit = valueOfRank(scores, count - 1, scratch);
  let below = 0;
  for (let k = 0; k < length; k++) {
    const stays = Number((scores[k] as number) >= limit);
    marks[k] = stays;
    below += 1 - stays;
  }
  for (let k = length - 1, ties = count - below; ties > 0; k--)
    if (scores[k] === limit) {
      marks[k] = 0;
      ties--;
    }
}
