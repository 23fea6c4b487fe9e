/**
 * Keeps numbers within what float32 can multiply and add, as cpu/kernel/range.ts does: a weight whose values
 * are extreme is moved by a power of two, which changes no ranking. Kernels find the range on the way, so
 * extreme weights, which are rare, are masked twice: once to know the power, once by it.
 */

import { decode } from "../../tensor/codes.mjs";
import type { QuantisedCoding } from "../../tensor/coding.js";
import { floatsOf } from "../../tensor/half.js";
import { storageIndex, storedDims } from "../../tensor/matrix.js";
import type { BadValues } from "../check-job.js";
import type { MaskJob } from "../device.js";

/** Beyond these, sums of 2^27 values and inverses of means leave float32. */
const UPPER = 2 ** 100;
const LOWER = 2 ** -100;
/** Bits of float32's Inf: those of NaN are above. */
const INFINITY_BITS = 0x7f800000;

/** Whether a weight with this largest and smallest positive |W| must be moved. */
export const isExtreme = (largest: number, smallest: number): boolean => largest > UPPER || smallest < LOWER;

/** The power of two that brings a largest |W| of this exponent just under 2^100, so that as little as possible vanishes below. */
export const shiftFor = (exponent: number): number => 99 - exponent;

/**
 * What the coefficients of a moved weight are multiplied by. `one` multiplies |W| itself, the others a ratio, so
 * next to them it must undo the shift. A weight that was moved down has scores near float32's largest by
 * `one` and terms near its smallest by the ratios, so all become smaller by what leaves room at both ends.
 *
 * @param isAlone whether `one` is the only term
 */
export function factorsFor(shift: number, isAlone: boolean): { readonly one: number; readonly ratios: number } {
  if (isAlone) return { one: 1, ratios: 1 };
  const common = shift < 0 ? 2 ** -20 : 1;
  return { one: common / 2 ** shift, ratios: common };
}

/** The exponent of a positive number: 2^e ≤ value < 2^(e + 1). */
export function binaryExponent(value: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return ((view.getUint16(0) >> 4) & 2047) - 1023;
}

/** What kernels saw of |W|: bits of the largest, and of the smallest positive one. */
export interface SeenRange {
  readonly largestBits: number;
  readonly smallestBits: number;
}

/** What score kernels left: the largest, and the complement of the smallest. */
export function rangeOf(bytes: Uint8Array): SeenRange {
  const [largestBits, complement] = new Uint32Array(bytes.buffer, bytes.byteOffset, 2) as unknown as [number, number];
  return { largestBits, smallestBits: ~complement >>> 0 };
}

/** What follows from the range: values that are no numbers, or the power of two by which to multiply. */
export function judgeRange({ largestBits, smallestBits }: SeenRange): "bad" | number {
  if (largestBits >= INFINITY_BITS) return "bad";
  if (largestBits === 0) return 0;
  const [largest, smallest] = new Float32Array(Uint32Array.of(largestBits, smallestBits).buffer) as unknown as [
    number,
    number,
  ];
  return isExtreme(largest, smallest) ? shiftFor(binaryExponent(largest)) : 0;
}

/** Looks for NaN and Inf among all values. For errors: every other weight is seen by the kernels alone. */
export function findBadValues(
  { shape, order, dtype }: Pick<MaskJob, "shape" | "order" | "dtype">,
  bytes: Uint8Array,
  coding: QuantisedCoding | null,
): BadValues | null {
  const [rows, columns] = storedDims(shape, order);
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  const values = coding === null ? floatsOf(aligned, dtype) : decode(bytes, coding, rows, columns);
  let found: { count: number; out: number; in: number } | null = null;
  for (let o = 0; o < shape.out; o++)
    for (let i = 0; i < shape.in; i++) {
      if (Number.isFinite(values[storageIndex(shape, order, o, i)])) continue;
      found ??= { count: 0, out: o, in: i };
      found.count++;
    }
  return found;
}
