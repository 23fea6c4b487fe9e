/**
 * SparseGPT's own masks: which weights of the next channels go is decided when the update arrives at them, by what
 * removing each of them costs now, w² / U_jj² (Frantar & Alistarh, arXiv 2301.00774, §3.3 and §3.4). Weights lie
 * [in, out] here, a channel side by side.
 */
import { type Pattern, prunedCount } from "../pattern/index.js";
import type { Shape } from "../tensor/matrix.js";
import { markLowest } from "./lowest.js";

/** Decides which weights of some channels stay. */
export interface ChannelMasks {
  /** Channels that are decided together. */
  readonly unit: number;
  /**
   * Decides channels `first` … `end`, once all earlier ones have been gone through.
   *
   * @param values [in, out]
   * @param kept [in, out], written for these channels
   */
  readonly choose: (first: number, end: number, values: Float32Array, kept: Uint8Array) => void;
}

/** Groups up to this size are ranked by comparing all pairs, in straight passes over channels. */
const MOST_PAIRED = 16;

/**
 * Masks by the current cost of each weight; over the whole matrix exactly as many zeros as the pattern says.
 *
 * Unstructured: weights compete within blocks of `blockSize` channels, in each output row or in all of them as the
 * pattern's scope says, and each block gives its share, rounded so that the shares add up. N:M: in groups of M.
 *
 * @param upper U, [in, in]: H⁻¹ = Uᵀ U
 */
export function adaptiveMasks(pattern: Pattern, shape: Shape, upper: Float32Array, blockSize: number): ChannelMasks {
  const { out, in: channels } = shape;
  const unit = pattern.kind === "n:m" ? pattern.of : blockSize;
  // One room for all units: there are hundreds, and memory of their own would take longer than their costs.
  const room = new Float32Array(Math.min(unit, channels) * out);
  const costs = (first: number, end: number, values: Float32Array): Float32Array => {
    const result = room.subarray(0, (end - first) * out);
    result.set(values.subarray(first * out, end * out));
    for (let c = first, k = 0; c < end; c++) {
      const scale = 1 / (upper[c * channels + c] as number) ** 2;
      for (const channelEnd = k + out; k < channelEnd; k++) result[k] = (result[k] as number) ** 2 * scale;
    }
    return result;
  };
  if (pattern.kind === "n:m") {
    const goes = pattern.of - pattern.keep;
    return {
      unit,
      choose: (first, end, values, kept) =>
        markLowestOfRows(costs(first, end, values), goes, out, kept.subarray(first * out, end * out)),
    };
  }
  const inAll = prunedCount(pattern, shape);
  if (pattern.scope === "row") {
    const upTo = (end: number) => Math.round((inAll / out) * (end / channels));
    return {
      unit,
      choose: (first, end, values, kept) =>
        markLowestOfRows(
          costs(first, end, values),
          upTo(end) - upTo(first),
          out,
          kept.subarray(first * out, end * out),
        ),
    };
  }
  const upTo = (end: number) => Math.round(inAll * (end / channels));
  const scratch = new Float32Array(room.length);
  return {
    unit,
    choose(first, end, values, kept) {
      const scores = costs(first, end, values);
      markLowest(scores, upTo(end) - upTo(first), kept.subarray(first * out, end * out), scratch);
    },
  };
}

/**
 * Marks the `count` lowest of every output row with 0 and the others with 1. Among equals the lower channel stays.
 *
 * @param scores [channels, out]
 * @param marks [channels, out]
 */
function markLowestOfRows(scores: Float32Array, count: number, out: number, marks: Uint8Array): void {
  const channels = scores.length / out;
  if (channels <= MOST_PAIRED) {
    markByPairs(scores, count, out, marks);
    return;
  }
  const [row, scratch, marked] = [new Float32Array(channels), new Float32Array(channels), new Uint8Array(channels)];
  for (let o = 0; o < out; o++) {
    for (let c = 0; c < channels; c++) row[c] = scores[c * out + o] as number;
    markLowest(row, count, marked, scratch);
    for (let c = 0; c < channels; c++) marks[c * out + o] = marked[c] as number;
  }
}

/** The same, by how many others of its row each one beats. */
function markByPairs(scores: Float32Array, count: number, out: number, marks: Uint8Array): void {
  const channels = scores.length / out;
  marks.fill(0);
  for (let a = 0; a < channels; a++)
    for (let b = a + 1; b < channels; b++)
      for (let o = 0, i = a * out, j = b * out; o < out; o++, i++, j++) {
        const isFirst = Number((scores[i] as number) >= (scores[j] as number));
        marks[i] = (marks[i] as number) + isFirst;
        marks[j] = (marks[j] as number) + 1 - isFirst;
      }
  for (let k = 0; k < marks.length; k++) marks[k] = Number((marks[k] as number) >= count);
}
