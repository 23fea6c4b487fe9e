/**
 * The kernel's way through a job, and its exports. The host sets the job's globals and calls, in
 * this order: `plan`, then (the memory grown, the factor copied in) `startWeight`, `convertRows` for
 * every piece that it has put into the staging area, `limitRange`, and `mask`. Affine codes it puts at
 * `codes`, their scales and zeros once at `scales` and `zeros`, and calls `decodeRows` before `convertRows`.
 */
import { keepBest } from "./group";
import { findMatrixThresholds, findRowThresholds, keepAbove } from "./keep";
import { packRow } from "./pack";
import { permute } from "./permute";
import {
  bits, channels, groupScores, groupSize, inputs, kept, outputs, Rule, rule, scores, stride, stripWidth,
  windowCoefficient,
} from "./plan";
import { countScores, retained, startRetained } from "./retained";
import { scoreRow } from "./score";
import { prepareTerms } from "./sums";
import { startWindow } from "./window";

export { convertRows, startWeight } from "./convert";
export { decodeRows } from "./decode";
export {
  bits, codeBits, codes, columnCoefficient, columnGroup, dtype, factor, groupSize, inputs, keepCount, oneCoefficient,
  outputMajor, outputs, plan, rowCoefficient, rowElements, rowGroup, rule, scales, signedCodes, size, staging,
  stagingRows, windowCoefficient, zeros,
} from "./plan";
export { badInput, badOutput, limitRange } from "./range";
// For tests: the groups of a permuted pattern, and the assignment that finds them.
export { assign } from "./assign";
export { BLOCK, candidateOf, channels, gains, prices } from "./plan";

/** Scores and selects; leaves the mask at `bits`. @returns the share of the scores that stays, see retained.ts */
export function mask(): f64 {
  startRetained();
  memory.fill(bits, 0, <usize>((<u64>outputs * inputs + 7) >> 3));
  prepareTerms();
  for (let o: usize = 0; o < stride; o += stripWidth) {
    const width = min(stripWidth, stride - o);
    if (windowCoefficient != 0) startWindow(o, width);
    if (rule == Rule.Group) maskGroups(o, width);
    else if (rule == Rule.Row) maskRows(o, width);
    else scoreStrip(o, width, scores + (o << 2), stride << 2);
  }
  if (rule == Rule.Matrix) maskMatrix();
  if (rule == Rule.Permuted) maskPermuted();
  return retained();
}

function maskGroups(o: usize, width: usize): void {
  for (let i: usize = 0; i < inputs; i += groupSize) {
    for (let c: usize = 0; c < groupSize; c++) scoreRow(i + c, o, width, groupScores + c * (width << 2));
    settleGroup(width);
    for (let c: usize = 0; c < groupSize; c++) packRow(i + c, o, width, kept + c * (width << 2));
  }
}

/** Fills `kept` of one group and counts its scores. */
function settleGroup(width: usize): void {
  keepBest(width);
  for (let c: usize = 0; c < groupSize; c++)
    countScores(groupScores + c * (width << 2), kept + c * (width << 2), width);
}

function maskRows(o: usize, width: usize): void {
  const step = width << 2;
  scoreStrip(o, width, scores, step);
  findRowThresholds(o, width);
  packAbove(o, width, scores, step);
}

function maskMatrix(): void {
  findMatrixThresholds();
  for (let o: usize = 0; o < stride; o += stripWidth)
    packAbove(o, min(stripWidth, stride - o), scores + (o << 2), stride << 2);
}

function maskPermuted(): void {
  permute();
  for (let o: usize = 0; o < stride; o += stripWidth) {
    const width = min(stripWidth, stride - o);
    for (let group: usize = 0; group < inputs; group += groupSize) maskGroupOf(channels + (group << 2), o, width);
    // Bits are packed channel by channel.
    for (let i: usize = 0; i < inputs; i++) packRow(i, o, width, scores + ((i * stride + o) << 2));
  }
}

/** Puts lanes that stay in the place of the scores of a group's members. */
function maskGroupOf(members: usize, o: usize, width: usize): void {
  const bytes = width << 2;
  for (let c: usize = 0; c < groupSize; c++) memory.copy(groupScores + c * bytes, memberScores(members, c, o), bytes);
  settleGroup(width);
  for (let c: usize = 0; c < groupSize; c++) memory.copy(memberScores(members, c, o), kept + c * bytes, bytes);
}

function memberScores(members: usize, c: usize, o: usize): usize {
  return scores + ((<usize>load<u32>(members + (c << 2)) * stride + o) << 2);
}

/** Scores of a strip, one input channel every `step` bytes from `target` on. */
function scoreStrip(o: usize, width: usize, target: usize, step: usize): void {
  for (let i: usize = 0; i < inputs; i++) scoreRow(i, o, width, target + i * step);
}

function packAbove(o: usize, width: usize, from: usize, step: usize): void {
  for (let i: usize = 0; i < inputs; i++) {
    keepAbove(from + i * step, o, width);
    countScores(from + i * step, kept, width);
    packRow(i, o, width, kept);
  }
}
