/**
 * Stored bytes of a weight as float32 numbers, one contiguous run at a time. Runs of float32 are views
 * of the bytes; half floats are looked up in a table of all 65536.
 */
import type { FloatType } from "../tensor/dtypes.js";
import { halfValues } from "../tensor/half.js";

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
    this.table = dtype === "float32" ? NO_TABLE : halfValues(dtype);
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
