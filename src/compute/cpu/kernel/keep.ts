/**
 * Unstructured patterns: everything above the score at the rank stays, and of its equals as many as
 * are missing, lowest index first. Per output row that is a threshold and a number of ties, whether
 * scores compete within the row or within the matrix.
 */
import { storeTransposed } from "./lanes";
import { inputs, keepCount, kept, lines, outputs, scores, stride, thresholds, ties, weight } from "./plan";
import { equals, selectRank, threshold, tied } from "./rank";

/** The threshold where nothing stays: above every score. */
const NOTHING: f32 = f32.POSITIVE_INFINITY;

/** Thresholds and ties of output rows o … o + width from their scores, [in, width]. */
export function findRowThresholds(o: usize, width: usize): void {
  const line = ((inputs + 3) & ~3) << 2;
  for (let at: usize = 0; at < width; at += 4) {
    if (keepCount > 0) copyLines(at << 2, width << 2, line);
    const end = min(o + at + 4, outputs);
    for (let row = o + at; row < end; row++) {
      const keys = lines + (row - o - at) * line;
      if (keepCount > 0) selectRank(keys, inputs, keepCount, keys);
      setThreshold(row, tied);
    }
  }
}

/** Thresholds and ties of all output rows from the scores of the matrix, [in, stride]. Overwrites |W|. */
export function findMatrixThresholds(): void {
  // The padding's scores are 0 and add nothing above the rank; as ties they come after every weight.
  if (keepCount > 0) selectRank(scores, inputs * stride, keepCount, weight);
  if (keepCount == 0 || tied == equals) {
    for (let o: usize = 0; o < outputs; o++) setThreshold(o, inputs);
  } else {
    shareTies();
  }
}

function setThreshold(o: usize, stay: usize): void {
  store<f32>(thresholds + (o << 2), keepCount > 0 ? reinterpret<f32>(threshold) : NOTHING);
  store<u32>(ties + (o << 2), stay);
}

/** Ties of the matrix go to the lowest output rows: counts each row's, and hands `tied` out in order. */
function shareTies(): void {
  const value = i32x4.splat(threshold);
  memory.fill(ties, 0, stride << 2);
  for (let i: usize = 0; i < inputs; i++) {
    const from = scores + ((i * stride) << 2);
    for (let at: usize = 0; at < stride << 2; at += 16)
      v128.store(ties + at, i32x4.sub(v128.load(ties + at), i32x4.eq(v128.load(from + at), value)));
  }
  let left = tied;
  for (let o: usize = 0; o < outputs; o++) {
    const stay = min(left, load<u32>(ties + (o << 2)));
    left -= stay;
    setThreshold(o, stay);
  }
}

/** Copies the scores of four output rows, which lie `step` bytes apart per input channel, to four lines. */
function copyLines(at: usize, step: usize, line: usize): void {
  let from = scores + at;
  for (let i: usize = 0; i < inputs; i += 4, from += step << 2) {
    storeTransposed(
      v128.load(from), v128.load(from + step), v128.load(from + 2 * step), v128.load(from + 3 * step),
      lines + (i << 2), line,
    );
  }
}

/** Fills the first row of `kept` for one input channel of output rows o … o + width, whose scores lie at `from`. */
export function keepAbove(from: usize, o: usize, width: usize): void {
  const limits = thresholds + (o << 2);
  const left = ties + (o << 2);
  for (let at: usize = 0; at < width << 2; at += 16) {
    const score = v128.load(from + at);
    const limit = v128.load(limits + at);
    const stay = v128.load(left + at);
    const equal = f32x4.eq(score, limit);
    v128.store(left + at, i32x4.add(stay, equal));
    const tie = v128.and(equal, i32x4.gt_s(stay, i32x4.splat(0)));
    v128.store(kept + at, v128.or(f32x4.gt(score, limit), tie));
  }
}
