/**
 * Storage types of float weights and what one element costs in bytes. Everything that scores a
 * weight sees float32 values, whatever the file stores; `half.ts` converts.
 */

/** How a float weight is stored. */
export type FloatType = "float32" | "float16" | "bfloat16";

/** Bytes of one stored element. */
export const BYTES_PER_ELEMENT = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
} as const satisfies Record<FloatType, number>;
