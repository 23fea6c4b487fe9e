/**
 * A stored weight as float32 numbers, one stored row at a time. Rows of float32 are views of the bytes;
 * half floats are looked up in a table of all 65536, codes are decoded.
 */
import { bytesOfRows, decodeRows } from "../tensor/codes.mjs";
import type { Coding, QuantisedCoding } from "../tensor/coding.js";
import type { FloatType } from "../tensor/dtypes.js";
import { halfValues } from "../tensor/half.js";

/** Row `index` of the storage, [columns]. Not to be written to; valid until the next call. */
export type RowReader = (index: number) => Float32Array;

/**
 * Reads the rows of one stored weight.
 *
 * @param bytes little-endian floats from a multiple of their size in the buffer, or codes
 * @param columns elements of a stored row, padding left out
 */
export function storedRows(bytes: Uint8Array, coding: Coding, columns: number): RowReader {
  return coding.kind === "float" ? floatRows(bytes, coding.dtype, columns) : codedRows(bytes, coding, columns);
}

function floatRows({ buffer, byteOffset, byteLength }: Uint8Array, dtype: FloatType, columns: number): RowReader {
  if (dtype === "float32") {
    const floats = new Float32Array(buffer, byteOffset, byteLength / 4);
    return (index) => floats.subarray(index * columns, (index + 1) * columns);
  }
  const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
  const table = halfValues(dtype);
  const values = new Float32Array(columns);
  return (index) => {
    for (let k = 0; k < columns; k++) values[k] = table[halves[index * columns + k] as number] as number;
    return values;
  };
}

function codedRows(bytes: Uint8Array, coding: QuantisedCoding, columns: number): RowReader {
  const values = new Float32Array(columns);
  return (index) => {
    const { start, end } = bytesOfRows(coding, columns, index, 1);
    decodeRows(values, bytes.subarray(start, end), coding, columns, index, 1);
    return values;
  };
}
