/**
 * Which of some rows' weights go: the lowest scores of every set in which they compete. The counts are
 * the pattern's own. Channel permutation is left out, so a permuted pattern is judged by its plain form.
 */
import { type NofM, type Pattern, prunedCount } from "../pattern/index.js";

/** Selects among as many scores as it was made for, without allocating. */
export class LowestScores {
  private readonly scratch: Float32Array;
  /** 1 where the weight goes, [rows, in]; as `select` left it. */
  readonly pruned: Uint8Array;

  constructor(most: number) {
    this.scratch = new Float32Array(most);
    this.pruned = new Uint8Array(most);
  }

  /**
   * Marks in `pruned` what goes of [rows, in] scores. In matrix scope the rows stand for their weight:
   * the share of it that goes is taken from them, which is exact where they are all its rows. Ties keep
   * the lower index; in groups of N:M, too, where the device has another order (compute/device.ts).
   *
   * @param scores not NaN
   * @param pattern fits `channels`
   */
  select(scores: Float32Array, rows: number, channels: number, pattern: Pattern): void {
    switch (pattern.kind) {
      case "n:m":
        this.selectInGroups(scores, rows * channels, pattern);
        return;
      case "unstructured": {
        const shape = { out: pattern.scope === "row" ? 1 : rows, in: channels };
        const count = prunedCount(pattern, shape);
        const length = shape.out * channels;
        for (let start = 0; start < rows * channels; start += length)
          this.selectLowest(scores, start, start + length, count);
        return;
      }
      default:
        pattern satisfies never;
    }
  }

  /** Marks the `count` lowest of scores `start` … `end`. */
  private selectLowest(scores: Float32Array, start: number, end: number, count: number): void {
    const { pruned, scratch } = this;
    if (count === 0) {
      pruned.fill(0, start, end);
      return;
    }
    scratch.set(scores.subarray(start, end));
    const cut = nthSmallest(scratch, end - start, count - 1);
    let marked = 0;
    for (let k = start; k < end; k++) {
      const goes = Number((scores[k] as number) < cut);
      pruned[k] = goes;
      marked += goes;
    }
    for (let k = end - 1; marked < count; k--)
      if (scores[k] === cut) {
        pruned[k] = 1;
        marked++;
      }
  }

  /** Marks all but the `keep` highest of every group, by each score's rank in its group. */
  private selectInGroups(scores: Float32Array, length: number, { keep, of }: NofM): void {
    const { pruned } = this;
    for (let start = 0; start < length; start += of)
      for (let k = start; k < start + of; k++) {
        const own = scores[k] as number;
        let rank = 0;
        for (let other = start; other < k; other++) rank += Number((scores[other] as number) >= own);
        for (let other = k + 1; other < start + of; other++) rank += Number((scores[other] as number) > own);
        pruned[k] = Number(rank >= keep);
      }
  }
}

/**
 * The value that would stand at place `nth` if the first `length` values were sorted; they are reordered.
 * Hoare's selection ("Algorithm 65: Find", Communications of the ACM 4, 1961), the median of three as pivot.
 */
function nthSmallest(values: Float32Array, length: number, nth: number): number {
  let first = 0;
  let last = length - 1;
  while (first < last) {
    const a = values[first] as number;
    const b = values[(first + last) >> 1] as number;
    const c = values[last] as number;
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    let up = first;
    let down = last;
    while (up <= down) {
      while ((values[up] as number) < pivot) up++;
      while ((values[down] as number) > pivot) down--;
      if (up > down) break;
      const low = values[down] as number;
      values[down--] = values[up] as number;
      values[up++] = low;
    }
    if (nth <= down) last = down;
    else if (nth >= up) first = up;
    else return values[nth] as number;
  }
  return values[nth] as number;
}
