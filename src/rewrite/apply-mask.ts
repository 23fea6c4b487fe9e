/**
 * Masks to bytes: exact zeros in place of pruned weights, nothing else changed. Float zero is all
 * bits zero in every float type, so one pass serves them all; later layer forms write their own codes.
 */
import type { Mask } from "../pattern/index.js";
import { BYTES_PER_ELEMENT, type FloatType } from "../tensor/dtypes.js";

/**
 * A copy of a stored weight with zeros where the mask has 0.
 *
 * @param stored little-endian bytes of the weight in the mask's storage order
 * @returns as many bytes as came in
 */
export function applyMask(stored: Uint8Array, dtype: FloatType, mask: Mask): Uint8Array {
  const pruned = new Uint8Array(stored); // aligned, and the source stays as it is
  const words = wordsOf(pruned, dtype);
  const { bits } = mask;
  for (let byte = 0, k = 0; byte < bits.length; byte++, k += 8) {
    const kept = bits[byte] as number;
    if (kept === 0xff) continue;
    const end = Math.min(k + 8, words.length);
    for (let j = k; j < end; j++) if (((kept >> (j - k)) & 1) === 0) words[j] = 0;
  }
  return pruned;
}

/** Number of zeros (of either sign) in stored float bytes. */
export function countZeros(stored: Uint8Array, dtype: FloatType): number {
  const aligned = stored.byteOffset % BYTES_PER_ELEMENT[dtype] === 0 ? stored : new Uint8Array(stored);
  const words = wordsOf(aligned, dtype);
  const magnitude = dtype === "float32" ? 0x7fffffff : 0x7fff;
  let zeros = 0;
  for (let i = 0; i < words.length; i++) if (((words[i] as number) & magnitude) === 0) zeros++;
  return zeros;
}

function wordsOf(bytes: Uint8Array, dtype: FloatType): Uint16Array | Uint32Array {
  const count = bytes.byteLength / BYTES_PER_ELEMENT[dtype];
  return dtype === "float32"
    ? new Uint32Array(bytes.buffer, bytes.byteOffset, count)
    : new Uint16Array(bytes.buffer, bytes.byteOffset, count);
}
