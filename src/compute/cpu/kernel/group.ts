/**
 * N:M: which of every M consecutive input channels stay. A weight stays when fewer than N of its
 * group beat it; of two equal scores the one of the lower channel beats the other. Ranks are counted
 * by comparisons, for four output rows at once, without a branch.
 */
import { groupSize, keepCount, kept, scores } from "./plan";

/** From the scores of one group, [groupSize, width], fills `kept`, [groupSize, width]. */
export function keepBest(width: usize): void {
  const step = width << 2;
  if (groupSize == 4) for (let at: usize = 0; at < step; at += 16) keepBestOfFour(at, step);
  else for (let at: usize = 0; at < step; at += 16) keepBestOfMany(at, step);
}

/** The six comparisons of four scores, each counted against the loser. True is −1. */
function keepBestOfFour(at: usize, step: usize): void {
  const s0 = v128.load(scores + at);
  const s1 = v128.load(scores + at + step);
  const s2 = v128.load(scores + at + 2 * step);
  const s3 = v128.load(scores + at + 3 * step);
  const up01 = f32x4.gt(s1, s0);
  const up02 = f32x4.gt(s2, s0);
  const up03 = f32x4.gt(s3, s0);
  const up12 = f32x4.gt(s2, s1);
  const up13 = f32x4.gt(s3, s1);
  const up23 = f32x4.gt(s3, s2);
  // The wins of later channels are losses of earlier ones; a later channel loses wherever it does not win.
  const stay = i32x4.splat(keepCount);
  const losses0 = i32x4.add(i32x4.add(up01, up02), up03);
  const losses1 = i32x4.sub(i32x4.add(up12, up13), i32x4.add(up01, i32x4.splat(1)));
  const losses2 = i32x4.sub(up23, i32x4.add(i32x4.add(up02, up12), i32x4.splat(2)));
  const losses3 = i32x4.sub(i32x4.splat(-3), i32x4.add(i32x4.add(up03, up13), up23));
  v128.store(kept + at, i32x4.gt_s(i32x4.add(losses0, stay), i32x4.splat(0)));
  v128.store(kept + at + step, i32x4.gt_s(i32x4.add(losses1, stay), i32x4.splat(0)));
  v128.store(kept + at + 2 * step, i32x4.gt_s(i32x4.add(losses2, stay), i32x4.splat(0)));
  v128.store(kept + at + 3 * step, i32x4.gt_s(i32x4.add(losses3, stay), i32x4.splat(0)));
}

function keepBestOfMany(at: usize, step: usize): void {
  const stay = i32x4.splat(keepCount);
  const first = scores + at;
  const end = first + groupSize * step;
  let target = kept + at;
  for (let own = first; own < end; own += step, target += step) {
    const score = v128.load(own);
    let losses = i32x4.splat(0);
    for (let other = first; other < own; other += step)
      losses = i32x4.add(losses, f32x4.ge(v128.load(other), score));
    for (let other = own + step; other < end; other += step)
      losses = i32x4.add(losses, f32x4.gt(v128.load(other), score));
    v128.store(target, i32x4.gt_s(i32x4.add(losses, stay), i32x4.splat(0)));
  }
}
