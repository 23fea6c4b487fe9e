/**
 * Masks as one byte a weight in [out, in], which is what weight updates work on, and back to bits in the order of the
 * storage.
 */
import type { Shape, StorageOrder } from "../tensor/matrix.js";
import { transposeInto } from "../tensor/transpose.js";
import { emptyMask, type Mask } from "./mask.js";

/** A mask as bytes, 1 is kept, [out, in]. */
export function keptBytes({ shape, order, bits }: Mask): Uint8Array {
  const stored = new Uint8Array(shape.out * shape.in);
  for (let k = 0; k < stored.length; k++) stored[k] = ((bits[k >> 3] as number) >> (k & 7)) & 1;
  return order === "out-in" ? stored : transposeInto(stored, new Uint8Array(stored.length), shape.in, shape.out);
}

/**
 * Bytes as a mask in the order in which the weight is stored.
 *
 * @param kept 0 or 1, [out, in]
 */
export function maskOfKept(kept: Uint8Array, shape: Shape, order: StorageOrder): Mask {
  const mask = emptyMask(shape, order);
  const { bits } = mask;
  const stored = order === "out-in" ? kept : transposeInto(kept, new Uint8Array(kept.length), shape.out, shape.in);
  for (let k = 0; k < stored.length; k++) bits[k >> 3] = (bits[k >> 3] as number) | ((stored[k] as number) << (k & 7));
  return mask;
}
