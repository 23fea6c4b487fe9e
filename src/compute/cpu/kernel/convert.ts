/**
 * Stored bytes to |W| as float32, [in, out]. Keeps track of the largest and the smallest positive
 * value, which tell whether the weight holds NaN or Inf and whether it must be rescaled.
 * A float's bits without the sign order like its absolute value, so both are integer minima and maxima.
 */
import { firstLanes, storeTransposed } from "./lanes";
import { dtype, inputs, outputMajor, outputs, Stored, staging, stagingRows, stride, weightAt } from "./plan";

/** Type arguments that stand for what is stored; the kernel itself only ever computes in float32. */
type Float16 = u16;
type Bfloat16 = i16;

/** Bits of the largest |W| and, one less so that zero becomes the largest integer, of the smallest positive one. */
export let largest: v128 = i32x4.splat(0);
export let smallest: v128 = i32x4.splat(-1);

/** Forgets the values of the weight before. */
export function startWeight(): void {
  largest = i32x4.splat(0);
  smallest = i32x4.splat(-1);
}

/** Converts `rows` rows of storage, which lie in the staging area, into rows `first` … of the storage order. */
export function convertRows(first: usize, rows: usize): void {
  if (dtype == Stored.Float32) convertAs<f32>(first, rows);
  else if (dtype == Stored.Float16) convertAs<Float16>(first, rows);
  else convertAs<Bfloat16>(first, rows);
}

function convertAs<T>(first: usize, rows: usize): void {
  if (outputMajor) {
    // The last block of 16 may be short: its missing rows become the zeros that pad [in, out].
    const bytes = inputs * sizeof<T>();
    memory.fill(staging + rows * bytes, 0, (stagingRows - rows) * bytes);
    for (let r: usize = 0; r < rows; r += 16) transposeRows<T>(staging + r * bytes, weightAt(0, first + r));
  } else {
    for (let r: usize = 0; r < rows; r++)
      copyRow<T>(staging + r * outputs * sizeof<T>(), weightAt(first + r, 0));
  }
}

/** Four stored elements as float32 without their sign. */
function load4<T>(address: usize): v128 {
  if (sizeof<T>() == 4) return f32x4.abs(v128.load(address));
  if (isSigned<T>()) return f32x4.abs(i32x4.shl(v128.load16x4_u(address), 16)); // bfloat16: the upper half
  const half = v128.and(v128.load16x4_u(address), i32x4.splat(0x7fff));
  const shifted = i32x4.shl(half, 13);
  // Exponents differ by 112. Subnormal halves have no leading one: add 2^-14's, and take it off as a float.
  const normal = i32x4.add(shifted, i32x4.splat(112 << 23));
  const subnormal = f32x4.sub(i32x4.add(shifted, i32x4.splat(113 << 23)), i32x4.splat(113 << 23));
  const value = v128.bitselect(subnormal, normal, i32x4.lt_u(half, i32x4.splat(0x0400)));
  // Inf and NaN (exponent 31) get float32's largest exponent.
  return v128.or(value, v128.and(i32x4.ge_u(half, i32x4.splat(0x7c00)), i32x4.splat(0x7f800000)));
}

function lessOne(v: v128): v128 {
  return i32x4.sub(v, i32x4.splat(1));
}

/** Storage [in, out]: one input channel, `outputs` elements. */
function copyRow<T>(source: usize, target: usize): void {
  let top = largest;
  let low = smallest;
  for (let o: usize = 0; o < stride; o += 4) {
    const value = v128.and(load4<T>(source + o * sizeof<T>()), firstLanes(outputs - o));
    top = i32x4.max_u(top, value);
    low = i32x4.min_u(low, lessOne(value));
    v128.store(target + (o << 2), value);
  }
  largest = top;
  smallest = low;
}

/** Storage [out, in]: 16 output rows of `inputs` elements become 16 columns, in blocks of 4 × 4. */
function transposeRows<T>(source: usize, target: usize): void {
  const bytes = inputs * sizeof<T>();
  const targetStride = stride << 2;
  let top = largest;
  let low = smallest;
  for (let i: usize = 0; i < inputs; i += 4) {
    const inside = firstLanes(inputs - i);
    for (let column: usize = 0; column < 16; column += 4) {
      const from = source + column * bytes + i * sizeof<T>();
      const a = v128.and(load4<T>(from), inside);
      const b = v128.and(load4<T>(from + bytes), inside);
      const c = v128.and(load4<T>(from + 2 * bytes), inside);
      const d = v128.and(load4<T>(from + 3 * bytes), inside);
      top = i32x4.max_u(top, i32x4.max_u(i32x4.max_u(a, b), i32x4.max_u(c, d)));
      low = i32x4.min_u(low, i32x4.min_u(i32x4.min_u(lessOne(a), lessOne(b)), i32x4.min_u(lessOne(c), lessOne(d))));
      storeTransposed(a, b, c, d, target + i * targetStride + (column << 2), targetStride);
    }
  }
  largest = top;
  smallest = low;
}
