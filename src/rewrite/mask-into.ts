/** A masked copy of stored weights, for those who mask the same weights again and again. */
import type { Mask } from "../pattern/index.js";
import type { Coding } from "../tensor/coding.js";
import type { FloatType } from "../tensor/dtypes.js";
import { writeZeros } from "./write-zeros.js";

/**
 * Writes to `target` what `stored` holds where the mask has 1, and zeros elsewhere.
 *
 * @param target as long as `stored`; both in the mask's storage order, floats from a multiple of the
 *   element's size in their buffers
 */
export function maskInto(target: Uint8Array, stored: Uint8Array, coding: Coding, mask: Mask): void {
  if (coding.kind === "float") {
    maskFloats(target, stored, coding.dtype, mask);
    return;
  }
  target.set(stored);
  writeZeros(target, coding, mask);
}

function maskFloats(target: Uint8Array, stored: Uint8Array, dtype: FloatType, { bits }: Mask): void {
  const [from, to] = [wordsOf(stored, dtype), wordsOf(target, dtype)];
  const count = from.length;
  const whole = count >> 3;
  // Eight weights for every byte of the mask; −1 keeps all bits of a word, 0 none.
  for (let b = 0, k = 0; b < whole; b++, k += 8) {
    const byte = bits[b] as number;
    to[k] = (from[k] as number) & -(byte & 1);
    to[k + 1] = (from[k + 1] as number) & -((byte >> 1) & 1);
    to[k + 2] = (from[k + 2] as number) & -((byte >> 2) & 1);
    to[k + 3] = (from[k + 3] as number) & -((byte >> 3) & 1);
    to[k + 4] = (from[k + 4] as number) & -((byte >> 4) & 1);
    to[k + 5] = (from[k + 5] as number) & -((byte >> 5) & 1);
    to[k + 6] = (from[k + 6] as number) & -((byte >> 6) & 1);
    to[k + 7] = (from[k + 7] as number) & -(byte >> 7);
  }
  for (let k = whole << 3; k < count; k++) to[k] = (from[k] as number) & -(((bits[k >> 3] as number) >> (k & 7)) & 1);
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array, dtype: FloatType): Int32Array | Int16Array {
  return dtype === "float32"
    ? new Int32Array(buffer, byteOffset, byteLength / 4)
    : new Int16Array(buffer, byteOffset, byteLength / 2);
}
