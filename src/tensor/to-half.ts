/** From float32 to stored half floats, rounded once: to the nearest, and of two as near to the even one. */
import type { FloatType } from "./dtypes.js";

/** The highest finite half float of each type, as bits: what larger values become. */
const LARGEST = { float16: 0x7bff, bfloat16: 0x7f7f } as const satisfies Partial<Record<FloatType, number>>;

/**
 * The bits of half floats. Values too large for the type become its largest finite one, not infinity, which would
 * make every output that they reach infinite or NaN.
 *
 * @param values finite
 */
export function toHalf(values: Float32Array, dtype: keyof typeof LARGEST): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const largest = LARGEST[dtype];
  const round = dtype === "bfloat16" ? bfloat16 : float16;
  return Uint16Array.from(words, (bits) => ((bits >>> 16) & 0x8000) | Math.min(largest, round(bits & 0x7fffffff)));
}

/** Without its sign, from a float32 without its sign: the upper half, rounded. */
const bfloat16 = (bits: number): number => (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;

/** Exponents of float32 below which a half float is subnormal, and above which it overflows. */
const [SUBNORMAL, OVERFLOW] = [0x38800000, 0x47800000] as const;

function float16(bits: number): number {
  if (bits >= OVERFLOW) return 0x7fff;
  // The exponent's bias is 15 instead of 127; 13 bits of the fraction go. A carry into the exponent is what it should be.
  if (bits >= SUBNORMAL) return (bits - 0x38000000 + 0xfff + ((bits >>> 13) & 1)) >>> 13;
  const exponent = bits >>> 23;
  // Below half of the lowest subnormal one.
  if (exponent < 102) return 0;
  const fraction = (bits & 0x7fffff) | 0x800000;
  const shift = 126 - exponent;
  return (fraction + (1 << (shift - 1)) - 1 + ((fraction >>> shift) & 1)) >>> shift;
}
