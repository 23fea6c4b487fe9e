/**
 * What packing knows of an element: how many bytes it takes while it is moved about, and which of
 * their patterns stands for zero. Floats, half floats and integer codes are all the same to it.
 */
import { PruneError } from "../../errors.js";
import { DATA_TYPES } from "../../onnx/index.js";

/** Bytes of an element that can be packed; codes of four bits take a byte each until they are stored. */
export type ElementBytes = 1 | 2 | 4;

/** Elements as whole numbers, so that no bit of them is touched. */
export type Words = Uint8Array | Uint16Array | Uint32Array;

/**
 * Bytes of one element of a type.
 *
 * @param dataType TensorProto.DataType
 * @returns null where the type takes neither 4 bits nor 1, 2 or 4 whole bytes
 */
export function elementBytesOf(dataType: number): ElementBytes | null {
  const bits = DATA_TYPES[dataType]?.bits;
  const bytes = bits === 4 ? 1 : (bits ?? 0) / 8;
  return bytes === 1 || bytes === 2 || bytes === 4 ? bytes : null;
}

/** Stored bytes as words, without a copy. @param bytes begin at a multiple of the element's size in their buffer */
export function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array, elementBytes: ElementBytes): Words {
  const count = byteLength / elementBytes;
  switch (elementBytes) {
    case 1:
      return new Uint8Array(buffer, byteOffset, count);
    case 2:
      return new Uint16Array(buffer, byteOffset, count);
    case 4:
      return new Uint32Array(buffer, byteOffset, count);
    default:
      return elementBytes satisfies never;
  }
}

/** The error for packed bytes that do not expand to a weight. */
export function badPacking(weight: string, expected: string, found: string): PruneError {
  return new PruneError(
    "bad-model",
    `packed weight "${weight}": expected ${expected}, found ${found}; the file is damaged: export the model again`,
    { details: { weight, expected, found } },
  );
}
