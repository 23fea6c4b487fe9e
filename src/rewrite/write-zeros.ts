/** Masks to bytes for weights of every coding, and the zeros that stand in them. */
import type { Mask } from "../pattern/index.js";
import type { Coding, QuantisedCoding } from "../tensor/coding.js";
import { type Shape, type StorageOrder, storedDims } from "../tensor/matrix.js";
import { zeroAffineCodes } from "./affine-codes.js";
import { applyMask, countZeros } from "./apply-mask.js";
import { zeroTableCodes } from "./table-codes.js";

/**
 * Writes exact zeros into a stored weight where the mask has 0. Nothing else changes, and nothing is quantised again.
 *
 * @param stored bytes of the weight in the mask's storage order; they are changed. Those of floats begin at a
 *   multiple of the element's size in their buffer
 * @returns elements whose value is 0 now, those that were 0 before included
 */
export function writeZeros(stored: Uint8Array, coding: Coding, mask: Mask): number {
  return coding.kind === "float" ? applyMask(stored, coding.dtype, mask) : visitCodes(stored, coding, mask, mask);
}

/** Number of elements of a stored weight whose value is 0. */
export function countZeroValues(
  stored: Uint8Array,
  coding: Coding,
  weight: { readonly shape: Shape; readonly order: StorageOrder },
): number {
  return coding.kind === "float" ? countZeros(stored, coding.dtype) : visitCodes(stored, coding, null, weight);
}

function visitCodes(
  stored: Uint8Array,
  coding: QuantisedCoding,
  mask: Mask | null,
  { shape, order }: { readonly shape: Shape; readonly order: StorageOrder },
): number {
  switch (coding.kind) {
    case "affine":
      return zeroAffineCodes(stored, coding, mask, storedDims(shape, order));
    case "table":
      return zeroTableCodes(stored, coding, mask, shape.out * shape.in);
    default:
      return coding satisfies never;
  }
}
