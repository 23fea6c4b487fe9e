/**
 * Masks to bytes: exact zeros in place of pruned weights, nothing else changed. Float zero is all
 * bits zero in every float type, so one pass serves them all; later layer forms write their own codes.
 */
import type { Mask } from "../pattern/index.js";
import { BYTES_PER_ELEMENT, type FloatType } from "../tensor/dtypes.js";

/** Bits of a stored element but its sign: all 0 in both zeros. */
const MAGNITUDE = { float32: 0x7fffffff, float16: 0x7fff, bfloat16: 0x7fff } as const satisfies Record<
  FloatType,
  number
>;

/**
 * Writes zeros into a stored weight where the mask has 0.
 *
 * @param stored little-endian bytes of the weight in the mask's storage order; they are changed, and
 *   begin at a multiple of the element's size in their buffer
 * @returns zeros (of either sign) that stand in it now, those it had before included
 */
export function applyMask(stored: Uint8Array, dtype: FloatType, mask: Mask): number {
  const words = wordsOf(stored, dtype);
  const magnitude = MAGNITUDE[dtype];
  const { bits } = mask;
  let zeros = 0;
  for (let k = 0; k < words.length; k++) {
    // −1 keeps all bits of a word, 0 none: which of the two comes is as good as random, so no branch.
    const word = (words[k] as number) & -(((bits[k >> 3] as number) >> (k & 7)) & 1);
    words[k] = word;
    zeros += Number((word & magnitude) === 0);
  }
  return zeros;
}

/** Number of zeros (of either sign) in stored float bytes. */
export function countZeros(stored: Uint8Array, dtype: FloatType): number {
  const aligned = stored.byteOffset % BYTES_PER_ELEMENT[dtype] === 0 ? stored : new Uint8Array(stored);
  const words = wordsOf(aligned, dtype);
  const magnitude = MAGNITUDE[dtype];
  let zeros = 0;
  for (let k = 0; k < words.length; k++) zeros += Number(((words[k] as number) & magnitude) === 0);
  return zeros;
}

function wordsOf(bytes: Uint8Array, dtype: FloatType): Uint16Array | Uint32Array {
  const count = bytes.byteLength / BYTES_PER_ELEMENT[dtype];
  return dtype === "float32"
    ? new Uint32Array(bytes.buffer, bytes.byteOffset, count)
    : new Uint16Array(bytes.buffer, bytes.byteOffset, count);
}
