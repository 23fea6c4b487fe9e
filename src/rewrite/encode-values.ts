/** New values of a weight to stored bytes, in the coding that it has: floats rounded once, or the nearest codes. */
import type { Coding, QuantisedCoding } from "../tensor/coding.js";
import { encodeFloats } from "../tensor/encode-floats.js";
import { type Shape, type StorageOrder, storedDims } from "../tensor/matrix.js";
import { codeBookOf, groupOf } from "../tensor/nearest-code.js";
import { transposeInto } from "../tensor/transpose.js";

/** A weight's shape, and the order in which it is stored. */
interface StoredWeight {
  readonly shape: Shape;
  readonly order: StorageOrder;
}

/**
 * The bytes that stand for new values. Pruned weights are exact zeros, as floats +0, as codes that of zero. A value
 * that its stored code already has keeps that code. Half floats are rounded to the nearest, ties to even; what
 * is too large for them becomes their largest finite number, not infinity. Scales, zeros and padding stay.
 *
 * @param values [out, in], finite
 * @param kept one byte a weight, [out, in], 1 stays
 * @param stored the weight's bytes as they are; not changed
 * @returns as many bytes, in memory of their own
 */
export function encodeValues(
  values: Float32Array,
  kept: Uint8Array,
  coding: Coding,
  weight: StoredWeight,
  stored: Uint8Array,
): Uint8Array {
  const { shape, order } = weight;
  const inOrder = order === "out-in";
  const wanted = inOrder ? values.slice() : transposeInto(values, new Float32Array(values.length), shape.out, shape.in);
  const stays = inOrder ? kept : transposeInto(kept, new Uint8Array(kept.length), shape.out, shape.in);
  for (let k = 0; k < wanted.length; k++) if (stays[k] === 0) wanted[k] = 0;
  if (coding.kind === "float") return encodeFloats(wanted, coding.dtype);
  return encodeCodes(wanted, stays, coding, weight, stored);
}

/** The same for codes; `values` and `kept` lie in the order of the storage. */
function encodeCodes(
  values: Float32Array,
  kept: Uint8Array,
  coding: QuantisedCoding,
  weight: StoredWeight,
  stored: Uint8Array,
): Uint8Array {
  const result = Uint8Array.from(stored);
  const [rows, columns] = storedDims(weight.shape, weight.order);
  const { codeFor, valueFor, zeroFor } = codeBookOf(coding);
  const groupAt = groupOf(coding, weight);
  const { bits, signed, rowElements } =
    coding.kind === "affine" ? coding : { bits: 4, signed: false, rowElements: columns };
  const perByte = 8 / bits;
  // Tables have the first of two codes in the high bits.
  const flip = coding.kind === "table" ? 1 : 0;
  const codeMask = 2 ** bits - 1;
  const signBit = signed ? 2 ** (bits - 1) : 0;
  for (let row = 0, k = 0; row < rows; row++)
    for (let column = 0, at = row * rowElements; column < columns; column++, k++, at++) {
      const place = Math.floor(at / perByte);
      const shift = ((at % perByte) ^ flip) * bits;
      const byte = result[place] as number;
      const group = groupAt(row, column);
      const value = values[k] as number;
      const before = (((byte >> shift) & codeMask) ^ signBit) - signBit;
      if (kept[k] === 1 && Math.fround(valueFor(before, group)) === value) continue;
      const code = kept[k] === 1 ? codeFor(value, group) : zeroFor(group);
      result[place] = (byte & ~(codeMask << shift)) | ((code & codeMask) << shift);
    }
  return result;
}
