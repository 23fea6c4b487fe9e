/** Float32 values as stored floats: the inverse of half.ts. */
import type { FloatType } from "./dtypes.js";

/**
 * Rounds values to a float type, to nearest with ties to even, once. What lies beyond the type's range becomes its
 * largest finite value: an Inf would spread through the whole model.
 *
 * @returns little-endian elements, in memory of their own
 */
export function encodeFloats(values: Float32Array, dtype: FloatType): Uint8Array {
  if (dtype === "float32") return new Uint8Array(values.slice().buffer);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return new Uint8Array(Uint16Array.from(words, dtype === "float16" ? float16Bits : bfloat16Bits).buffer);
}

/** From the 32 bits of a float to the 16 of a half. */
function float16Bits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const size = word & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00;
  // From half a step above the largest half float on.
  if (size >= 0x477ff000) return sign | 0x7bff;
  // Below 2^-14 there are no leading bits: the fraction with its leading 1 is shifted into units of 2^-24.
  if (size < 0x38800000) {
    const shift = 126 - (size >>> 23);
    return shift > 24 ? sign : sign | roundedShift((size & 0x7fffff) | 0x800000, shift);
  }
  return sign | roundedShift(size - 0x38000000, 13);
}

/** The upper half of a float. */
function bfloat16Bits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const size = word & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7fc0;
  return sign | Math.min(0x7f7f, roundedShift(size, 16));
}

/** Shifts right by 1 to 24 bits, to nearest, ties to even; a carry runs into the exponent, as it should. */
function roundedShift(bits: number, shift: number): number {
  const kept = bits >>> shift;
  const rest = bits & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return kept + Number(rest > half || (rest === half && (kept & 1) === 1));
}
