/**
 * The buffers of a plan: how many bytes each takes, and what all take together. A job takes its buffers by
 * these names, so that what is counted beforehand is what is held later.
 */
import { storedDims } from "../../tensor/matrix.js";
import { bufferSize } from "./buffer-pool.js";
import { BIN_WORDS, ERROR_CHUNK, ERROR_STRIP, SCORE_BINS } from "./kernels/figures.js";
import { JOB_BYTES } from "./kernels/kernel.js";
import { BINS, RANK_WORDS } from "./kernels/rank-matrix.js";
import type { Plan, Slice, WeightFacts } from "./plan.js";

/** Bytes of each buffer but uniforms and what results are read from; 0 where the plan needs none. */
export interface BufferBytes {
  /** A slice of the weight as it is stored, and its scores (0 for groups; in a matrix every slice has its own). */
  readonly weight: number;
  readonly scores: number;
  readonly scales: number;
  readonly factors: number;
  readonly "column sums": number;
  readonly "row sums": number;
  readonly columns: number;
  readonly rows: number;
  readonly range: number;
  readonly mask: number;
  readonly "sums of scores": number;
  readonly cuts: number;
  readonly "rows of bits": number;
  readonly digits: number;
  readonly rank: number;
  readonly equals: number;
  readonly histogram: number;
  readonly squares: number;
  readonly "sums of errors": number;
}

/** Slices pass the kernels at most this often: for sums, for scores, for errors. */
const PASSES = 3;

/** The most rows of any slice; slices can be more than a call takes arguments. */
export const mostOf = (slices: readonly Slice[], rows: "count" | "loadCount"): number =>
  slices.reduce((most, slice) => Math.max(most, slice[rows]), 0);

/** Pairs of sums that the output error makes of a slice. */
export const errorSumsOf = ({ count }: Slice, inputs: number): number =>
  Math.ceil(count / ERROR_STRIP) * Math.ceil(inputs / ERROR_CHUNK);

/**
 * Bytes of a plan's buffers. By row, those of a mask and those of its figures, of which a job takes the one or
 * the other.
 */
export function bytesOf(plan: Omit<Plan, "bytes">): BufferBytes {
  const { facts, rule, slices } = plan;
  const { out, in: inputs } = facts.shape;
  const rows = mostOf(slices, "count");
  const only = (wanted: boolean, bytes: number) => (wanted ? bytes : 0);
  return {
    weight: loadedBytes(facts, mostOf(slices, "loadCount")),
    scores: only(rule !== "group", 4 * rows * inputs),
    scales: facts.scaleBytes,
    factors: 4 * inputs,
    // Bound even where there are none.
    "column sums": Math.max(4, 4 * plan.columnParts * inputs),
    "row sums": Math.max(4, 4 * plan.rowParts * out),
    columns: 8 * inputs,
    rows: 4 * out,
    range: 8,
    mask: Math.ceil((out * inputs) / 8),
    "sums of scores": 8 * plan.sumCount,
    cuts: only(rule !== "group", 8 * (rule === "row" ? rows : out)),
    "rows of bits": only(rule !== "group", 4 * out * plan.rowWords),
    digits: only(rule === "matrix", 4 * BINS),
    rank: only(rule === "matrix", 4 * RANK_WORDS),
    equals: only(rule === "matrix", 4 * out),
    histogram: only(rule === "row", 4 * SCORE_BINS * BIN_WORDS),
    squares: only(rule === "row", 4 * inputs),
    "sums of errors": only(rule === "row", 8 * slices.reduce((sum, slice) => sum + errorSumsOf(slice, inputs), 0)),
  };
}

/**
 * Bytes of device memory that a job holds at most, uniforms and the copy of its results included.
 *
 * @param largest bytes of a buffer
 */
export function heldBytes({ bytes, rule, slices, facts }: Plan, largest: number): number {
  const { scores, ...others } = bytes;
  const scored = rule === "matrix" ? slices.map(({ count }) => 4 * count * facts.shape.in) : [scores];
  const results = [
    bytes.mask + bytes["sums of scores"] + bytes.range,
    bytes.histogram + bytes["sums of errors"] + bytes.range,
  ];
  // Each result is rounded up to a word.
  const taken = [...Object.values(others), ...scored, Math.max(...results) + 12].filter((each) => each > 0);
  const uniforms = (PASSES * slices.length + 2) * bufferSize(JOB_BYTES, largest);
  return taken.reduce((sum, each) => sum + bufferSize(each, largest), uniforms);
}

/** Bytes of some output rows of a weight, as they are uploaded. */
function loadedBytes({ shape, order, elementBits, rowElements }: WeightFacts, rows: number): number {
  const words = (elements: number) => Math.ceil((elements * elementBits) / 32) * 4;
  const [storedRows] = storedDims(shape, order);
  if (rows === shape.out) return words(storedRows * rowElements);
  // The parts of stored rows that a slice takes begin with a byte each, and the whole with a word.
  return order === "out-in" ? words(rows * rowElements) + 4 : words(shape.in * alignedElements(rows, elementBits));
}

/** Elements of a part of a stored row whose length is whole bytes. */
export const alignedElements = (elements: number, bits: number): number => {
  const perByte = Math.max(1, 8 / bits);
  return Math.ceil(elements / perByte) * perByte;
};
