/** Stored floats as float32. Half floats are looked up in a table of all 65536. */
import type { FloatType } from "./dtypes.js";

/**
 * The values of stored floats.
 *
 * @param bytes little-endian elements from a multiple of their size in the buffer
 * @returns float32 values as a view of `bytes`, others in memory of their own
 */
export function floatsOf(bytes: Uint8Array, dtype: FloatType): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype === "float32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  const table = halfValues(dtype);
  return Float32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), (bits) => table[bits] as number);
}

const TABLES = new Map<FloatType, Float32Array>();

/** What every pattern of 16 bits stands for, [65536]. Not to be written to. */
export function halfValues(dtype: Exclude<FloatType, "float32">): Float32Array {
  const known = TABLES.get(dtype);
  if (known !== undefined) return known;
  const table =
    dtype === "bfloat16"
      ? // The upper half of a float32.
        new Float32Array(Uint32Array.from({ length: 65536 }, (_, bits) => bits << 16).buffer)
      : Float32Array.from({ length: 65536 }, (_, bits) => float16(bits));
  TABLES.set(dtype, table);
  return table;
}

/** The value of a half float (IEEE 754 binary16) from its bits. */
function float16(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}
