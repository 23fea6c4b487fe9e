/**
 * The number at a given rank, exactly. Scores are not negative, and such floats order like their
 * bits, so the k-th largest is found by a histogram over the range of the bits; the bucket that
 * holds it is gathered and divided again until all in it are equal (at most four rounds).
 */
import { maxLane, minLane } from "./lanes";

/** Buckets (as a power of two): few for the scores of a row, so that clearing them costs little. */
const FEW: u32 = 8;
const MANY: u32 = 11;
/** From this count on a histogram has many buckets. */
const LARGE: u32 = 1 << 13;

const histogram = memory.data(4 << MANY, 16);

/** Results of `selectRank`: the key at the rank, how many keys equal it, and how many of those are within the rank. */
export let threshold: u32 = 0;
export let equals: u32 = 0;
export let tied: u32 = 0;

let lowest: u32 = 0;
let highest: u32 = 0;

/**
 * Finds the `rank`-th largest (from 1) of `count` unsigned 32-bit keys.
 *
 * @param scratch room for as many keys; may be `keys` itself, which are then lost
 */
export function selectRank(keys: usize, count: usize, rank: u32, scratch: usize): void {
  const buckets = count < LARGE ? FEW : MANY;
  tied = rank;
  for (;;) {
    findRange(keys, count);
    const shift = max(<i32>(32 - clz(highest - lowest) - buckets), 0);
    const last = (highest - lowest) >> shift;
    fillHistogram(keys, count, shift, last);
    const bucket = findBucket(last);
    threshold = lowest + (bucket << shift);
    equals = load<u32>(histogram + (bucket << 2));
    if (shift == 0) return;
    gather(keys, count, threshold, 1 << shift, scratch);
    keys = scratch;
    count = equals;
  }
}

function findRange(keys: usize, count: usize): void {
  let low = i32x4.splat(-1);
  let high = i32x4.splat(0);
  const end = keys + (count << 2);
  let at = keys;
  for (; at + 16 <= end; at += 16) {
    low = i32x4.min_u(low, v128.load(at));
    high = i32x4.max_u(high, v128.load(at));
  }
  for (; at < end; at += 4) {
    low = i32x4.min_u(low, v128.load32_splat(at));
    high = i32x4.max_u(high, v128.load32_splat(at));
  }
  lowest = minLane(low);
  highest = maxLane(high);
}

function fillHistogram(keys: usize, count: usize, shift: u32, last: usize): void {
  memory.fill(histogram, 0, (last + 1) << 2);
  const end = keys + (count << 2);
  for (let at = keys; at < end; at += 4) {
    const bucket = histogram + (((load<u32>(at) - lowest) >> shift) << 2);
    store<u32>(bucket, load<u32>(bucket) + 1);
  }
}

/** The bucket with the key at rank `tied`, counted from the highest; leaves in `tied` the rank within the bucket. */
function findBucket(last: usize): u32 {
  let bucket = last;
  let held = load<u32>(histogram + (bucket << 2));
  while (tied > held) {
    tied -= held;
    held = load<u32>(histogram + (--bucket << 2));
  }
  return bucket;
}

/** Moves the keys start … start + width to `target`, without a branch. */
function gather(keys: usize, count: usize, start: u32, width: u32, target: usize): void {
  const end = keys + (count << 2);
  for (let at = keys; at < end; at += 4) {
    const key = load<u32>(at);
    store<u32>(target, key);
    target += <usize>u32(key - start < width) << 2;
  }
}
