/**
 * Stored bytes of a weight as float32 numbers, one contiguous run at a time. Runs of float32 are views
 * of the bytes; half floats are looked up in a table of all 65536.
 */
import type { FloatType } from "../tensor/dtypes.js";

/** The elements of one stored weight. */
export class StoredFloats {
  private readonly floats: Float32Array;
  private readonly halves: Uint16Array | null;
  private readonly table: Float32Array;

  /**
   * @param bytes little-endian elements from a multiple of their size in the buffer
   * @param longest the most elements that a run will have
   */
  constructor(bytes: Uint8Array, dtype: FloatType, longest: number) {
    const { buffer, byteOffset, byteLength } = bytes;
    this.table = dtype === "float32" ? NO_TABLE : tableOf(dtype);
    this.halves = dtype === "float32" ? null : new Uint16Array(buffer, byteOffset, byteLength / 2);
    this.floats =
      dtype === "float32" ? new Float32Array(buffer, byteOffset, byteLength / 4) : new Float32Array(longest);
  }

  /** Elements `start` … `start + count` of the storage. Not to be written to; valid until the next call. */
  run(start: number, count: number): Float32Array {
    const { halves, floats, table } = this;
    if (halves === null) return floats.subarray(start, start + count);
    for (let k = 0; k < count; k++) floats[k] = table[halves[start + k] as number] as number;
    return floats.subarray(0, count);
  }
}

const NO_TABLE = new Float32Array(0);
const TABLES = new Map<FloatType, Float32Array>();

/** What every pattern of 16 bits stands for, [65536]. */
function tableOf(dtype: Exclude<FloatType, "float32">): Float32Array {
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
