/** What a job moves through the device's memory, counted from its plan. */

import { BINS, KEYS_COUNTED, ROUND_SHIFTS } from "./kernels/rank-matrix.js";
import type { Plan } from "./plan.js";

/** Memory traffic of one job. */
export interface Traffic {
  /** How many times a stored weight is read, on average. */
  readonly readsPerWeight: number;
  /** How many times the mask's bit of a weight is written: bits of rows that begin with a word are turned afterwards. */
  readonly writesPerWeight: number;
  /** Bytes read and written by all kernels, caches left out of account. */
  readonly bytes: number;
}

/** Length of [from, to) within [0, all). */
const within = (from: number, to: number, all: number) => Math.max(0, Math.min(to, all) - Math.max(0, from));

/** Stored elements that the score kernel reads: strips and chunks with the neighbours that their windows reach. */
function scoreReads({ facts: { shape }, slices, strip, chunk, size }: Plan): number {
  const half = size === null ? 0 : (size - 1) / 2;
  let rows = 0;
  for (const { first, count } of slices)
    for (let o = first; o < first + count; o += strip) {
      // A strip at the slice's end reads as far as the slice was loaded.
      rows += within(o - half, Math.min(o + strip, first + count) + half, shape.out);
    }
  let channels = 0;
  for (let i = 0; i < shape.in; i += chunk)
    channels += within(i - half, Math.min(i + chunk, shape.in) + half, shape.in);
  return rows * channels;
}

/** Counts reads, writes and bytes of a plan's kernels. */
export function trafficOf(plan: Plan): Traffic {
  const { facts, relative, rule, columnParts, rowParts, rowWords } = plan;
  const { shape, elementBits } = facts;
  const elements = shape.out * shape.in;
  const reads = scoreReads(plan) + (relative ? elements : 0);
  const partial = 2 * 4 * (columnParts * shape.in + rowParts * shape.out);
  const terms = 4 * (3 * shape.in + shape.out);
  const maskBytes = elements / 8;
  // A key is written once; by row it is read by four rounds, by matrix by three and to count equals, then to keep.
  const keyAccesses = { group: 0, row: 1 + 4 + 1, matrix: 1 + ROUND_SHIFTS.length + 1 + 1 }[rule];
  const histograms = rule === "matrix" ? ROUND_SHIFTS.length * Math.ceil(elements / KEYS_COUNTED) * BINS * 4 : 0;
  const turned = rule === "group" ? 0 : 2 * 4 * shape.out * rowWords;
  return {
    readsPerWeight: reads / elements,
    writesPerWeight: rule === "group" ? 1 : 2,
    bytes: reads * (elementBits / 8) + partial + terms + keyAccesses * elements * 4 + histograms + turned + maskBytes,
  };
}
