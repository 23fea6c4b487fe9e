/**
 * The score of one input channel of a strip:
 *
 *   |W| · ( one + row / mean_row(o) + column / mean_col(i) + window / mean_window(o, i) ) · factor[i]
 *
 * All terms but the window's are ready; that one is window · cells / sum, with cells the size of the
 * neighbourhood within the matrix, split into its two sides.
 */
import { columnTerm, factor, inputs, prefix, rowTerm, size, weightAt, windowCoefficient, windowTerm } from "./plan";
import { slideWindow } from "./window";

/** Writes the scores of output rows o … o + width of input channel i to `target`. Channels come in order. */
export function scoreRow(i: usize, o: usize, width: usize, target: usize): void {
  if (windowCoefficient != 0) scoreWithWindow(i, o, width, target);
  else scoreWithoutWindow(i, o, width, target);
}

function scoreWithoutWindow(i: usize, o: usize, width: usize, target: usize): void {
  const from = weightAt(i, o);
  const row = rowTerm + (o << 2);
  const column = v128.load32_splat(columnTerm + (i << 2));
  const channel = v128.load32_splat(factor + (i << 2));
  for (let at: usize = 0; at < width << 2; at += 16) {
    const terms = f32x4.add(v128.load(row + at), column);
    v128.store(target + at, f32x4.mul(f32x4.mul(v128.load(from + at), terms), channel));
  }
}

function scoreWithWindow(i: usize, o: usize, width: usize, target: usize): void {
  const suffix = slideWindow(i);
  const half: i32 = size >> 1;
  const channels = f32x4.splat(<f32>(min<i32>(i + half, inputs - 1) - max<i32>(i - half, 0) + 1));
  const from = weightAt(i, o);
  const row = rowTerm + (o << 2);
  const cells = windowTerm + (o << 2);
  const column = v128.load32_splat(columnTerm + (i << 2));
  const channel = v128.load32_splat(factor + (i << 2));
  for (let at: usize = 0; at < width << 2; at += 16) {
    const sum = f32x4.add(v128.load(suffix + at), v128.load(prefix + at));
    const quotient = f32x4.div(f32x4.mul(channels, v128.load(cells + at)), sum);
    // 0/0 counts as 0.
    const window = v128.and(quotient, f32x4.gt(sum, f32x4.splat(0)));
    const terms = f32x4.add(f32x4.add(v128.load(row + at), column), window);
    v128.store(target + at, f32x4.mul(f32x4.mul(v128.load(from + at), terms), channel));
  }
}
