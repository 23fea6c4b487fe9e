/**
 * The kernel's way through a job, and its exports. The host sets the job's globals and calls, in
 * this order: `plan`, then (the memory grown, the factor copied in) `startWeight`, `convertRows` for
 * every piece that it has put into the staging area, `limitRange`, and `mask`.
 */
import { keepBest } from "./group";
import { findMatrixThresholds, findRowThresholds, keepAbove } from "./keep";
import { packRow } from "./pack";
import { bits, groupSize, inputs, outputs, Rule, rule, scores, stride, stripWidth, windowCoefficient } from "./plan";
import { scoreRow } from "./score";
import { prepareTerms } from "./sums";
import { startWindow } from "./window";

export { convertRows, startWeight } from "./convert";
export {
  bits, columnCoefficient, dtype, factor, groupSize, inputs, keepCount, oneCoefficient, outputMajor, outputs, plan,
  rowCoefficient, rule, size, staging, stagingRows, windowCoefficient,
} from "./plan";
export { badInput, badOutput, limitRange } from "./range";

/** Scores and selects; leaves the mask at `bits`. */
export function mask(): void {
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
}

function maskGroups(o: usize, width: usize): void {
  for (let i: usize = 0; i < inputs; i += groupSize) {
    for (let c: usize = 0; c < groupSize; c++) scoreRow(i + c, o, width, scores + c * (width << 2));
    keepBest(width);
    for (let c: usize = 0; c < groupSize; c++) packRow(i + c, o, width, c);
  }
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

/** Scores of a strip, one input channel every `step` bytes from `target` on. */
function scoreStrip(o: usize, width: usize, target: usize, step: usize): void {
  for (let i: usize = 0; i < inputs; i++) scoreRow(i, o, width, target + i * step);
}

function packAbove(o: usize, width: usize, from: usize, step: usize): void {
  for (let i: usize = 0; i < inputs; i++) {
    keepAbove(from + i * step, o, width);
    packRow(i, o, width, 0);
  }
}
