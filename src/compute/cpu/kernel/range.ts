/**
 * Keeps numbers within what float32 can multiply and add: refuses NaN and Inf, and moves a weight
 * whose values are extreme by a power of two, which changes no ranking and rounds nothing that
 * stays a normal number.
 */
import { largest, smallest } from "./convert";
import { maxLane, minLane } from "./lanes";
import { inputs, outputs, stride, weight, weightAt } from "./plan";

const INFINITY_BITS: u32 = 0x7f800000;
/** 2^100 and 2^-100: sums of 2^27 values and inverses of means stay finite within these bounds. */
const UPPER: f32 = 1.2676506002282294e30;
const LOWER: f32 = 7.888609052210118e-31;

/** The power of two that the kernel's |W| was multiplied by. */
export let scale: f64 = 1;
/** First of the values that are NaN or Inf, by output row, then input channel. */
export let badOutput: usize = 0;
export let badInput: usize = 0;

/**
 * Rescales |W| where its largest value is beyond 2^100 or its smallest positive one below 2^-100,
 * so that the largest lies just under 2^100 and as little as possible vanishes at the lower end.
 *
 * @returns how many values are NaN or Inf; where there are any, nothing else is done
 */
export function limitRange(): u32 {
  scale = 1;
  const top = maxLane(largest);
  if (top >= INFINITY_BITS) return findBad();
  const low = minLane(smallest) + 1;
  if (top == 0 || (top <= reinterpret<u32>(UPPER) && low >= reinterpret<u32>(LOWER))) return 0;
  // A float64 has the exponent of any float32, subnormal ones included, in its own exponent field.
  const exponent = <i64>((reinterpret<u64>(<f64>reinterpret<f32>(top)) >> 52) - 1023);
  scale = reinterpret<f64>((99 - exponent + 1023) << 52);
  multiply();
  return 0;
}

/** Multiplies in two steps: where all values are subnormal the power is beyond float32. */
function multiply(): void {
  const first = min<f64>(scale, 21267647932558653966460912964485513216.0); // 2^124
  const second = f32x4.splat(<f32>(scale / first));
  const end = weight + ((inputs * stride) << 2);
  for (let at = weight; at < end; at += 16)
    v128.store(at, f32x4.mul(f32x4.mul(v128.load(at), f32x4.splat(<f32>first)), second));
}

function findBad(): u32 {
  let count: u32 = 0;
  for (let o: usize = 0; o < outputs; o++) {
    for (let i: usize = 0; i < inputs; i++) {
      if (load<u32>(weightAt(i, o)) < INFINITY_BITS) continue;
      if (count++ > 0) continue;
      badOutput = o;
      badInput = i;
    }
  }
  return count;
}
