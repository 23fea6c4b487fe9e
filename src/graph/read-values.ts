/** A stored weight as the numbers it stands for, whichever way the file has them. */
import { readTensor } from "../onnx/index.js";
import { decode } from "../tensor/codes.mjs";
import type { Coding } from "../tensor/coding.js";
import { floatsOf } from "../tensor/half.js";
import { type Shape, type StorageOrder, storedDims } from "../tensor/matrix.js";
import { resolveCoding } from "./resolve-coding.js";
import type { Target } from "./types.js";

/**
 * Reads all values of a target as float32, codes decoded.
 *
 * @returns [out, in], in memory of its own
 * @throws PruneError as `readTensor` and `resolveCoding` do
 */
export async function readValues(target: Target): Promise<Float32Array> {
  return decodeValues(await readTensor(target.tensor), await resolveCoding(target), target);
}

/**
 * What stored bytes of a weight stand for.
 *
 * @param bytes as the file has them, floats from a multiple of their size in the buffer
 * @returns [out, in], in memory of its own
 */
export function decodeValues(
  bytes: Uint8Array,
  coding: Coding,
  { shape, order }: { readonly shape: Shape; readonly order: StorageOrder },
): Float32Array {
  const [rows, columns] = storedDims(shape, order);
  const stored = coding.kind === "float" ? floatsOf(bytes, coding.dtype) : decode(bytes, coding, rows, columns);
  if (order === "in-out") return transposed(stored, rows, columns);
  // Floats that are stored as such are a view of the file's bytes.
  return stored.buffer === bytes.buffer ? stored.slice() : stored;
}

/** [rows, columns] as [columns, rows]. */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0, k = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, k++) result[column * rows + row] = values[k] as number;
  return result;
}
