/**
 * N:M: which of the M input channels of a group stay. A weight stays when fewer than N of its
 * group beat it. Ranks are counted by comparisons, for four output rows at once, without a branch:
 * as if of two equal scores the one of the lower channel beat the other, which `ties.ts` then corrects
 * where it decides who stays.
 */
import { groupScores, groupSize, keepCount, kept } from "./plan";
import { settleTies } from "./ties";

/** From `groupScores`, those of one group, [groupSize, width], fills `kept`, [groupSize, width]. */
export function keepBest(width: usize): void {
  const step = width << 2;
  for (let at: usize = 0; at < step; at += 16) {
    if (groupSize == 4) keepBestOfFour(at, step);
    else keepBestOfMany(at, step);
    settleTies(at, step);
  }
}

/** The six comparisons of four scores, each counted against the loser. True is −1. */
function keepBestOfFour(at: usize, step: usize): void {
  const s0 = v128.load(groupScores + at);
  const s1 = v128.load(groupScores + at + step);
  const s2 = v128.load(groupScores + at + 2 * step);
  const s3 = v128.load(groupScores + at + 3 * step);
  const up01 = f32x4.gt(s1, s0);
  const up02 = f32x4.gt(s2, s0);
  const up03 = f32x4.gt(s3, s0);
  const up12 = f32x4.gt(s2, s1);
  const up13 = f32x4.gt(s3, s1);
  const up23 = f32x4.gt(s3, s2);
  // A win of the later channel is a loss of the earlier one; wherever the later one does not win, it loses.
  const losses0 = i32x4.add(i32x4.add(up01, up02), up03);
  const losses1 = i32x4.sub(i32x4.add(up12, up13), i32x4.add(up01, i32x4.splat(1)));
  const losses2 = i32x4.sub(up23, i32x4.add(i32x4.add(up02, up12), i32x4.splat(2)));
  const losses3 = i32x4.sub(i32x4.splat(-3), i32x4.add(i32x4.add(up03, up13), up23));
  storeKept(kept + at, losses0);
  storeKept(kept + at + step, losses1);
  storeKept(kept + at + 2 * step, losses2);
  storeKept(kept + at + 3 * step, losses3);
}

function keepBestOfMany(at: usize, step: usize): void {
  const first = groupScores + at;
  const end = first + groupSize * step;
  let target = kept + at;
  for (let own = first; own < end; own += step, target += step) {
    const score = v128.load(own);
    let losses = i32x4.splat(0);
    for (let other = first; other < own; other += step)
      losses = i32x4.add(losses, f32x4.ge(v128.load(other), score));
    for (let other = own + step; other < end; other += step)
      losses = i32x4.add(losses, f32x4.gt(v128.load(other), score));
    storeKept(target, losses);
  }
}

/** `losses` are negative: one stays that has lost fewer times than `keepCount`. */
function storeKept(address: usize, losses: v128): void {
  v128.store(address, i32x4.gt_s(i32x4.add(losses, i32x4.splat(keepCount)), i32x4.splat(0)));
}
