/**
 * What groups of input channels keep. With t the N-th highest score of a group's other M − 1 members
 * in an output row, a last member with score s adds max(0, s − t) to what the row keeps: so what group
 * g gains by candidate h is Σ max(s_h, t_g) over the output rows, but for a sum that depends on g alone
 * and changes no assignment. That is one maximum and one addition per output row and pair.
 */
import { sumsOfLanes } from "./lanes";
import { BLOCK, candidates, channels, gains, groupSize, highest, keepCount, limits, scores, stride, WEIGHED_ROWS } from "./plan";

const ROW: usize = WEIGHED_ROWS << 2;

/** Address of the score of member `slot` of a group in output row o. */
function scoreAt(group: usize, slot: usize, o: usize): usize {
  const channel = <usize>load<u32>(channels + ((group * groupSize + slot) << 2));
  return scores + ((channel * stride + o) << 2);
}

/** Address of what a group keeps with a candidate. */
export function gainAt(group: usize, candidate: usize): usize {
  return gains + ((group * BLOCK + candidate) << 2);
}

/** What a group keeps with a candidate, but for a constant of the group. */
export function gainOf(group: usize, candidate: usize): f32 {
  return load<f32>(gainAt(group, candidate));
}

/** Fills `gains` for `count` groups from `first` on, each with each one's member `slot`. */
export function weighUp(first: usize, count: usize, slot: usize): void {
  memory.fill(gains, 0, (BLOCK * BLOCK) << 2);
  for (let o: usize = 0; o < stride; o += WEIGHED_ROWS) {
    const bytes = min(WEIGHED_ROWS, stride - o) << 2;
    for (let group: usize = 0; group < count; group++) {
      memory.copy(candidates + group * ROW, scoreAt(first + group, slot, o), bytes);
      findLimits(first + group, slot, o, bytes, limits + group * ROW);
    }
    addGains(count, bytes);
  }
}

/** The N-th highest scores of a group without member `slot`, for output rows from o on. */
function findLimits(group: usize, slot: usize, o: usize, bytes: usize, target: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) {
    sortHighest(group, slot, o, at);
    v128.store(target + at, v128.load(highest + ((keepCount - 1) << 4)));
  }
}

/** Fills `highest` with the N highest scores of a group, all members but `slot`, in descending order. */
function sortHighest(group: usize, slot: usize, o: usize, at: usize): void {
  const end = highest + (keepCount << 4);
  for (let place = highest; place < end; place += 16) v128.store(place, f32x4.splat(-1));
  for (let c: usize = 0; c < groupSize; c++) {
    if (c == slot) continue;
    let score = v128.load(scoreAt(group, c, o) + at);
    for (let place = highest; place < end; place += 16) {
      const held = v128.load(place);
      v128.store(place, f32x4.pmax(held, score));
      score = f32x4.pmin(held, score);
    }
  }
}

/** Adds Σ max(candidate, limit) over the rows at hand, two groups and four candidates at a time. */
function addGains(count: usize, bytes: usize): void {
  for (let group: usize = 0; group < count; group += 2)
    for (let candidate: usize = 0; candidate < count; candidate += 4) addTile(group, candidate, bytes);
}

function addTile(group: usize, candidate: usize, bytes: usize): void {
  const limit = limits + group * ROW;
  const score = candidates + candidate * ROW;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  let b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  for (let at: usize = 0; at < bytes; at += 16) {
    const a = v128.load(limit + at);
    const b = v128.load(limit + at, ROW);
    let s = v128.load(score + at);
    a0 = f32x4.add(a0, f32x4.pmax(a, s));
    b0 = f32x4.add(b0, f32x4.pmax(b, s));
    s = v128.load(score + at, ROW);
    a1 = f32x4.add(a1, f32x4.pmax(a, s));
    b1 = f32x4.add(b1, f32x4.pmax(b, s));
    s = v128.load(score + at, 2 * ROW);
    a2 = f32x4.add(a2, f32x4.pmax(a, s));
    b2 = f32x4.add(b2, f32x4.pmax(b, s));
    s = v128.load(score + at, 3 * ROW);
    a3 = f32x4.add(a3, f32x4.pmax(a, s));
    b3 = f32x4.add(b3, f32x4.pmax(b, s));
  }
  const target = gainAt(group, candidate);
  v128.store(target, f32x4.add(v128.load(target), sumsOfLanes(a0, a1, a2, a3)));
  const next = gainAt(group + 1, candidate);
  v128.store(next, f32x4.add(v128.load(next), sumsOfLanes(b0, b1, b2, b3)));
}

/** Sum of the scores that stay with the groups as they are in `channels`. */
export function retainedScore(groups: usize): f64 {
  let sum: f64 = 0;
  for (let o: usize = 0; o < stride; o += WEIGHED_ROWS) {
    const bytes = min(WEIGHED_ROWS, stride - o) << 2;
    for (let group: usize = 0; group < groups; group++) {
      let kept = f32x4.splat(0);
      for (let at: usize = 0; at < bytes; at += 16) {
        sortHighest(group, groupSize, o, at);
        for (let place: usize = 0; place < keepCount << 4; place += 16) kept = f32x4.add(kept, v128.load(highest + place));
      }
      sum += f32x4.extract_lane(sumsOfLanes(kept, kept, kept, kept), 0);
    }
  }
  return sum;
}
