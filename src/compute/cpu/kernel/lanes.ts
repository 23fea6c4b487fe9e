/** Vectors of four: what WebAssembly has no single instruction for. */

/** Smallest of four unsigned integers. */
export function minLane(v: v128): u32 {
  const a = min(<u32>i32x4.extract_lane(v, 0), <u32>i32x4.extract_lane(v, 1));
  return min(a, min(<u32>i32x4.extract_lane(v, 2), <u32>i32x4.extract_lane(v, 3)));
}

/** Largest of four unsigned integers. */
export function maxLane(v: v128): u32 {
  const a = max(<u32>i32x4.extract_lane(v, 0), <u32>i32x4.extract_lane(v, 1));
  return max(a, max(<u32>i32x4.extract_lane(v, 2), <u32>i32x4.extract_lane(v, 3)));
}

/** Smallest of four floats. */
export function minFloatLane(v: v128): f32 {
  const a = min(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1));
  return min(a, min(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)));
}

/** All ones in the first `count` lanes; none where it is negative, all where it is more than four. */
export function firstLanes(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}

/** Sum of four floats, in float64. */
export function sumOfLanes(v: v128): f64 {
  return (
    <f64>f32x4.extract_lane(v, 0) + <f64>f32x4.extract_lane(v, 1) +
    (<f64>f32x4.extract_lane(v, 2) + <f64>f32x4.extract_lane(v, 3))
  );
}

/** The sums of a, of b, of c and of d, one a lane. */
export function sumsOfLanes(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return f32x4.add(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}

/** Stores the 4 × 4 block with rows a, b, c, d transposed; the rows stored are `step` bytes apart. */
export function storeTransposed(a: v128, b: v128, c: v128, d: v128, address: usize, step: usize): void {
  const ab01 = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const ab23 = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cd01 = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const cd23 = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(address, i64x2.shuffle(ab01, cd01, 0, 2));
  v128.store(address + step, i64x2.shuffle(ab01, cd01, 1, 3));
  v128.store(address + 2 * step, i64x2.shuffle(ab23, cd23, 0, 2));
  v128.store(address + 3 * step, i64x2.shuffle(ab23, cd23, 1, 3));
}
