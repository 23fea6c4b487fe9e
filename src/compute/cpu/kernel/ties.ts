/**
 * N:M where scores tie at the cut: equal scores, of which some stay and some go. Weights restored
 * from few bits tie often (15% of the groups of 4 in SmolLM2 by magnitude), and a rule that always
 * favours the lower channel prunes the same channels of every output row: perplexity 3685 where a
 * fairer order gives 2655. So ties fall as a quick select leaves them, with the median of three as
 * pivot: the order of C++'s std::nth_element in its usual implementation, and of PyTorch's topk on a CPU.
 */
import { groupScores, groupSize, keepCount, kept, places, values } from "./plan";

/** Corrects `kept` of four output rows, at byte `at` of every row of the group, where scores tie at the cut. */
export function settleTies(at: usize, step: usize): void {
  let leastKept = f32x4.splat(f32.POSITIVE_INFINITY);
  let mostDropped = f32x4.splat(-1);
  const end = groupScores + at + groupSize * step;
  let stays = kept + at;
  for (let from = groupScores + at; from < end; from += step, stays += step) {
    const score = v128.load(from);
    const stay = v128.load(stays);
    leastKept = f32x4.min(leastKept, v128.bitselect(score, leastKept, stay));
    mostDropped = f32x4.max(mostDropped, v128.bitselect(mostDropped, score, stay));
  }
  const tied = f32x4.eq(leastKept, mostDropped);
  if (!v128.any_true(tied)) return;
  const lanes = i32x4.bitmask(tied);
  for (let lane: usize = 0; lane < 4; lane++) if ((lanes >> (<i32>lane)) & 1) selectLane(at + (lane << 2), step);
}

function selectLane(at: usize, step: usize): void {
  for (let c: usize = 0; c < groupSize; c++) {
    store<f32>(values + (c << 2), load<f32>(groupScores + at + c * step));
    store<u32>(places + (c << 2), c);
    store<i32>(kept + at + c * step, 0);
  }
  select(groupSize, keepCount - 1);
  for (let c: usize = 0; c < keepCount; c++) store<i32>(kept + at + load<u32>(places + (c << 2)) * step, -1);
}

@inline
function value(c: usize): f32 {
  return load<f32>(values + (c << 2));
}

@inline
function put(c: usize, score: f32, place: u32): void {
  store<f32>(values + (c << 2), score);
  store<u32>(places + (c << 2), place);
}

function swap(a: usize, b: usize): void {
  const score = value(a);
  const place = load<u32>(places + (a << 2));
  put(a, value(b), load<u32>(places + (b << 2)));
  put(b, score, place);
}

/** Brings the largest scores to the places 0 … nth. */
function select(count: usize, nth: usize): void {
  let first: usize = 0;
  let last = count;
  while (last - first > 3) {
    const cut = partition(first, last);
    if (cut <= nth) first = cut;
    else last = cut;
  }
  for (let i = first + 1; i < last; i++) {
    const score = value(i);
    const place = load<u32>(places + (i << 2));
    let j = i;
    for (; j > first && score > value(j - 1); j--) put(j, value(j - 1), load<u32>(places + ((j - 1) << 2)));
    put(j, score, place);
  }
}

/** Puts the median of three at `first` and parts the rest by it; returns where the smaller ones begin. */
function partition(first: usize, last: usize): usize {
  const a = first + 1;
  const b = first + ((last - first) >> 1);
  const c = last - 1;
  if (value(a) > value(b)) swap(first, value(b) > value(c) ? b : value(a) > value(c) ? c : a);
  else swap(first, value(a) > value(c) ? a : value(b) > value(c) ? c : b);
  const pivot = value(first);
  let up = first + 1;
  let down = last - 1;
  while (value(up) > pivot) up++;
  while (pivot > value(down)) down--;
  while (up < down) {
    swap(up++, down--);
    while (value(up) > pivot) up++;
    while (pivot > value(down)) down--;
  }
  return up;
}
