/**
 * What share of a weight's score its mask keeps. The scores at hand are added up while they are in the
 * cache: short stretches in float32, those in float64. Padding scores 0 and adds nothing.
 * Rounding keeps order, so what stays never sums to more than all does.
 */
import { sumOfLanes } from "./lanes";

/** The largest float32, as which a score beyond it counts. */
const LARGEST: f32 = 3.4028234663852886e38;

let all: f64 = 0;
let stays: f64 = 0;

/** Forgets the mask before. */
export function startRetained(): void {
  all = 0;
  stays = 0;
}

/** Share of the scores counted so far that stays, 0 … 1; 1 where all are 0. */
export function retained(): f64 {
  return all > 0 ? stays / all : 1;
}

/** Counts `width` scores (a multiple of 16), with the lanes of them that stay at `kept`. */
export function countScores(scores: usize, kept: usize, width: usize): void {
  let all0 = f32x4.splat(0), all1 = all0, stays0 = all0, stays1 = all0;
  for (let at: usize = 0; at < width << 2; at += 32) {
    const a = v128.load(scores + at);
    const b = v128.load(scores + at, 16);
    all0 = f32x4.add(all0, a);
    all1 = f32x4.add(all1, b);
    stays0 = f32x4.add(stays0, v128.and(a, v128.load(kept + at)));
    stays1 = f32x4.add(stays1, v128.and(b, v128.load(kept + at, 16)));
  }
  const sum = sumOfLanes(all0) + sumOfLanes(all1);
  if (sum <= LARGEST) {
    all += sum;
    stays += sumOfLanes(stays0) + sumOfLanes(stays1);
  } else countExtremeScores(scores, kept, width);
}

/** For scores so large that a sum of them is beyond float32. */
function countExtremeScores(scores: usize, kept: usize, width: usize): void {
  for (let at: usize = 0; at < width << 2; at += 4) {
    const score: f64 = min(load<f32>(scores + at), LARGEST);
    all += score;
    if (load<i32>(kept + at)) stays += score;
  }
}
