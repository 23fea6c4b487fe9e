/**
 * The nearest weight that has a pattern: of every group in which weights compete, the largest magnitudes stay. It is
 * done anew in every iteration of an update, so it compares bit patterns: without their sign, they order floats as
 * numbers do, and integers need no branches, which random masks would make slow.
 */
import { type Pattern, prunedCount } from "../pattern/index.js";
import type { Shape } from "../tensor/matrix.js";
import { selectRank } from "./lowest.js";

/** Groups up to this size are ranked by comparing all pairs. */
const MOST_PAIRED = 16;
const MAGNITUDE = 0x7fffffff;
/** Exponent and three more bits sort magnitudes into bins; only the bin with the limit is looked into. */
const BIN_SHIFT = 20;
const BINS = 2 ** (31 - BIN_SHIFT);

/**
 * Marks the largest magnitudes of every group with 1 and the others with 0, exactly as many as the pattern says. Among
 * equals the lower index stays. Groups of N:M are of consecutive channels.
 *
 * @param values [out, in]; no NaN
 * @param kept [out, in], overwritten
 * @returns how many marks changed
 */
export function keepLargest(values: Float32Array, pattern: Pattern, shape: Shape, kept: Uint8Array): number {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  if (pattern.kind === "n:m" && pattern.of <= MOST_PAIRED) return keepByPairs(bits, pattern, kept);
  // Groups of one size, one after the other: N:M has them within rows, a scope has rows or all.
  const size = pattern.kind === "n:m" ? pattern.of : pattern.scope === "row" ? shape.in : values.length;
  const keep = size - prunedCount(pattern, shape) / (values.length / size);
  const ranks = new Ranks(size);
  let changed = 0;
  for (let k = 0; k < values.length; k += size)
    changed += ranks.keepLargest(bits.subarray(k, k + size), keep, kept.subarray(k, k + size));
  return changed;
}

/** Keeps `keep` of each `of` by how many others beat each one. */
function keepByPairs(bits: Int32Array, { keep, of }: { keep: number; of: number }, kept: Uint8Array): number {
  let changed = 0;
  for (let first = 0; first < bits.length; first += of)
    for (let a = first; a < first + of; a++) {
      const own = (bits[a] as number) & MAGNITUDE;
      let beaten = 0;
      // The sign of a difference is 1 where the other is larger, or to the left also where it is equal.
      for (let b = first; b < a; b++) beaten += 1 - ((((bits[b] as number) & MAGNITUDE) - own) >>> 31);
      for (let b = a + 1; b < first + of; b++) beaten += (own - ((bits[b] as number) & MAGNITUDE)) >>> 31;
      const stays = (beaten - keep) >>> 31;
      changed += stays ^ (kept[a] as number);
      kept[a] = stays;
    }
  return changed;
}

/** Selection in groups of one size. */
class Ranks {
  readonly #histogram = new Int32Array(BINS);
  /** Magnitudes of the bin with the limit, as bits and as the numbers they are. */
  readonly #candidates: Int32Array;
  readonly #numbers: Float32Array;

  constructor(size: number) {
    // One more, because the next place is always written to.
    this.#candidates = new Int32Array(size + 1);
    this.#numbers = new Float32Array(this.#candidates.buffer);
  }

  keepLargest(bits: Int32Array, keep: number, kept: Uint8Array): number {
    const { limit, ties } = this.#limit(bits, keep);
    let changed = 0;
    for (let k = 0, left = ties; k < bits.length; k++) {
      const own = (bits[k] as number) & MAGNITUDE;
      let stays = (limit - own) >>> 31;
      if (own === limit && left > 0) {
        left--;
        stays = 1;
      }
      changed += stays ^ (kept[k] as number);
      kept[k] = stays;
    }
    return changed;
  }

  /** The magnitude above which all stay, as bits, and how many that equal it stay as well. */
  #limit(bits: Int32Array, keep: number): { limit: number; ties: number } {
    if (keep === 0) return { limit: MAGNITUDE, ties: 0 };
    const histogram = this.#histogram.fill(0);
    for (let k = 0; k < bits.length; k++) {
      const bin = ((bits[k] as number) & MAGNITUDE) >>> BIN_SHIFT;
      histogram[bin] = (histogram[bin] as number) + 1;
    }
    let bin = BINS - 1;
    let above = 0;
    while (above + (histogram[bin] as number) < keep) above += histogram[bin--] as number;
    let count = 0;
    for (let k = 0; k < bits.length; k++) {
      const own = (bits[k] as number) & MAGNITUDE;
      this.#candidates[count] = own;
      count += Number(own >>> BIN_SHIFT === bin);
    }
    const stay = keep - above;
    selectRank(this.#numbers, count - stay, 0, count);
    const limit = this.#candidates[count - stay] as number;
    // What stays lies from that rank on; those of it that equal the limit are the ties.
    let ties = 0;
    for (let k = count - stay; k < count; k++) ties += Number(this.#candidates[k] === limit);
    return { limit, ties };
  }
}
