/**
 * Row and column means of |W|, turned into what the score adds: one + row / mean_row(o) and
 * column / mean_col(i), and the window's share that depends on the output row alone.
 * Sums run in float32 over short stretches and in float64 over those, so that a long row loses nothing.
 */
import { sumOfLanes } from "./lanes";
import {
  columnCoefficient, columnTerm, inputs, oneCoefficient, outputs, partialSums, rowCoefficient, rowSums, rowTerm, size,
  stride, weightAt, windowCoefficient, windowTerm,
} from "./plan";
import { scale } from "./range";

/** Input channels summed in float32 before they go into the float64 sum of an output row. */
const CHANNELS: usize = 32;
/** Output rows (a multiple of 16) whose float32 sum goes into the float64 sum of an input channel. */
const ROWS: usize = 512;

/** Fills rowTerm, columnTerm and windowTerm. A mean of 0 gives a term of 0: its weights are all 0. */
export function prepareTerms(): void {
  const relative = rowCoefficient != 0 || columnCoefficient != 0;
  if (relative) sumRowsAndColumns();
  else memory.fill(columnTerm, 0, inputs << 2);
  // `one` multiplies |W| itself, the other terms a ratio: next to them it must undo the rescaling.
  const one = relative || windowCoefficient != 0 ? oneCoefficient / scale : oneCoefficient;
  for (let o: usize = 0; o < stride; o++) {
    const term = one + (rowCoefficient != 0 ? ratio(rowCoefficient * inputs, load<f64>(rowSums + (o << 3))) : 0);
    store<f32>(rowTerm + (o << 2), <f32>term);
  }
  if (windowCoefficient != 0) fillWindowTerm();
}

function ratio(coefficient: f64, sum: f64): f64 {
  return sum > 0 ? coefficient / sum : 0;
}

function sumRowsAndColumns(): void {
  memory.fill(rowSums, 0, stride << 3);
  memory.fill(partialSums, 0, stride << 2);
  for (let i: usize = 0; i < inputs; i++) {
    let sum: f64 = 0;
    for (let o: usize = 0; o < stride; o += ROWS) sum += addRow(i, o, min(ROWS, stride - o));
    store<f32>(columnTerm + (i << 2), <f32>ratio(columnCoefficient * outputs, sum));
    if ((i + 1) % CHANNELS == 0 || i + 1 == inputs) flushPartialSums();
  }
}

/** Adds input channel i of output rows o … o + width to their partial sums; returns its own sum over them. */
function addRow(i: usize, o: usize, width: usize): f64 {
  const from = weightAt(i, o);
  const to = partialSums + (o << 2);
  let even = f32x4.splat(0);
  let odd = f32x4.splat(0);
  for (let at: usize = 0; at < width << 2; at += 32) {
    const a = v128.load(from + at);
    const b = v128.load(from + at, 16);
    even = f32x4.add(even, a);
    odd = f32x4.add(odd, b);
    v128.store(to + at, f32x4.add(v128.load(to + at), a));
    v128.store(to + at, f32x4.add(v128.load(to + at, 16), b), 16);
  }
  return sumOfLanes(f32x4.add(even, odd));
}

function flushPartialSums(): void {
  for (let o: usize = 0; o < stride; o += 2) {
    const part = f64x2.promote_low_f32x4(v128.load64_zero(partialSums + (o << 2)));
    v128.store(rowSums + (o << 3), f64x2.add(v128.load(rowSums + (o << 3)), part));
  }
  memory.fill(partialSums, 0, stride << 2);
}

/** window · how many of the window's output rows exist; `score.ts` multiplies by its input channels, divides by the sum. */
function fillWindowTerm(): void {
  const half: i32 = size >> 1;
  for (let o: i32 = 0; o < <i32>stride; o++) {
    const cells = min(o + half, <i32>outputs - 1) - max(o - half, 0) + 1;
    store<f32>(windowTerm + (o << 2), <f32>(windowCoefficient * <f64>cells));
  }
}
