/**
 * Sums of |W| over the size × size neighbourhood, clipped at the edges, one input channel after the
 * other through a strip of output rows. Nothing is ever subtracted, so a huge value leaves no error
 * behind where the window has passed it.
 *
 * Along the output rows: sums of 4 and of 16 neighbours, put together by the digits of the size in
 * base 4. Along the input channels: the method of van Herk and Gil–Werman (M. van Herk, Pattern
 * Recognition Letters 13, 1992). Channels fall in blocks of `size`; a window is the end of one block
 * (a suffix sum, made when the block is full) and the beginning of the next (a running prefix sum).
 * The ring holds the block: a row of it is taken by the next block once its suffix sum was used.
 */
import { border, inputs, prefix, ring, size, stride, sums16, sums4, weightAt } from "./plan";

let half: usize = 0;
let first: usize = 0;
/** Bytes of a row of the strip. */
let bytes: usize = 0;

/** Begins with output rows o … o + width of input channel 0. */
export function startWindow(o: usize, width: usize): void {
  half = size >> 1;
  first = o;
  bytes = width << 2;
  for (let r: usize = 0; r < half; r++) {
    memory.fill(ringRow(r), 0, bytes);
    sumSideways(r, ringRow(half + r));
  }
}

/**
 * Moves on to input channel i, which must be the one after the last.
 *
 * @returns address of the suffix sums; with the sums at `prefix` added they are the window sums
 */
export function slideWindow(i: usize): usize {
  const r = i % size;
  if (r == 0) {
    sumSideways(i + half, ringRow(size - 1));
    makeSuffixSums();
    memory.fill(prefix, 0, bytes);
  } else {
    const arrived = ringRow(r - 1);
    sumSideways(i + half, arrived);
    for (let at: usize = 0; at < bytes; at += 16) add(prefix + at, v128.load(arrived + at));
  }
  return ringRow(r);
}

function ringRow(r: usize): usize {
  return ring + r * bytes;
}

function add(address: usize, value: v128): void {
  v128.store(address, f32x4.add(v128.load(address), value));
}

function makeSuffixSums(): void {
  for (let at = ringRow(size - 1) - 16; at >= ring; at -= 16) add(at, v128.load(at + bytes));
}

/** For each output row of the strip, |W| of channel i summed over `size` rows around it; 0 beyond the last channel. */
function sumSideways(i: usize, target: usize): void {
  if (i >= inputs) {
    memory.fill(target, 0, bytes);
    return;
  }
  copyWithBorders(i);
  const sixteens: usize = size >> 4;
  const fours: usize = (size >> 2) & 3;
  const ones: usize = size & 3;
  if (size >= 4) addFour(border, sums4, bytes + (size << 2), 4);
  if (size >= 16) addFour(sums4, sums16, bytes + (sixteens << 6), 16);
  for (let at: usize = 0; at < bytes; at += 16) {
    let sum = f32x4.splat(0);
    let from = at;
    for (let t: usize = 0; t < sixteens; t++, from += 64) sum = f32x4.add(sum, v128.load(sums16 + from));
    for (let t: usize = 0; t < fours; t++, from += 16) sum = f32x4.add(sum, v128.load(sums4 + from));
    for (let t: usize = 0; t < ones; t++, from += 4) sum = f32x4.add(sum, v128.load(border + from));
    v128.store(target + at, sum);
  }
}

/** Copies input channel i of the strip and of `half` output rows on either side; zeros outside of the matrix. */
function copyWithBorders(i: usize): void {
  const start = first > half ? first - half : 0;
  const end = min(stride, first + (bytes >> 2) + half);
  const from = weightAt(i, start);
  const copied = (end - start) << 2;
  const target = border + ((half + start - first) << 2);
  memory.fill(border, 0, target - border);
  for (let at: usize = 0; at < copied; at += 16) v128.store(target + at, v128.load(from + at));
  // What the last vector copied too much goes as well.
  memory.fill(target + copied, 0, border + bytes + (half << 3) - (target + copied) + 16);
}

/** target[j] = source[j] + source[j + step / 4] + … of four, for `length` bytes; `step` in bytes. */
function addFour(source: usize, target: usize, length: usize, step: usize): void {
  for (let at: usize = 0; at < length; at += 16) {
    const from = source + at;
    const a = f32x4.add(v128.load(from), v128.load(from + step));
    const b = f32x4.add(v128.load(from + 2 * step), v128.load(from + 3 * step));
    v128.store(target + at, f32x4.add(a, b));
  }
}
