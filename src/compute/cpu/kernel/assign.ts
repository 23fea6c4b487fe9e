/**
 * Linear sum assignment: every group of a block gets one candidate, such that the sum of gains is as
 * large as can be. Shortest augmenting paths (R. Jonker and A. Volgenant, Computing 38, 1987, without
 * their heuristics for a good start): candidates have prices at which every group that has one would
 * choose it again; a group without one is let in along the path on which the others lose least by
 * moving over. A path costs O(count²), all of them O(count³) steps, four candidates a step.
 */
import { gainAt, gainOf } from "./gains";
import { minFloatLane } from "./lanes";
import { candidateOf, comesFrom, losses, openPrices, ownerOf, prices } from "./plan";

const NONE: i32 = -1;

/** From the finite `gains` of `count` groups with as many candidates fills `candidateOf`. */
export function assign(count: usize): void {
  const bytes = ((count + 3) & ~3) << 2;
  setPrices(count, bytes);
  memory.fill(ownerOf, <u8>NONE, bytes);
  for (let group: i32 = 0; group < <i32>count; group++) {
    const last = findPath(group, bytes);
    movePrices(load<f32>(losses + (last << 2)), bytes);
    moveAlong(last, group);
  }
}

/**
 * Any prices will do to begin with. Mean gains are close to the final ones where a gain is nearly a
 * sum of what the group and what the candidate is worth, and then few groups want the same.
 */
function setPrices(count: usize, bytes: usize): void {
  const share = f32x4.splat(1 / <f32>count);
  for (let at: usize = 0; at < bytes; at += 16) {
    let sum = f32x4.splat(0);
    for (let group: usize = 0; group < count; group++) sum = f32x4.add(sum, v128.load(gainAt(group, 0) + at));
    v128.store(prices + at, f32x4.mul(sum, share));
  }
  // What only fills the last vector is never chosen.
  for (let at = count << 2; at < bytes; at += 4) store<f32>(prices + at, f32.POSITIVE_INFINITY);
}

/** Spreads from a group without a candidate, least loss first, until it meets a candidate without a group. */
function findPath(group: i32, bytes: usize): usize {
  memory.copy(openPrices, prices, bytes);
  for (let at: usize = 0; at < bytes; at += 16) v128.store(losses + at, f32x4.splat(f32.POSITIVE_INFINITY));
  let least = spread(group, 0, bytes);
  let candidate = findOpen(least, bytes);
  for (let from = ownerAt(candidate); from != NONE; from = ownerAt(candidate)) {
    store<f32>(openPrices + (candidate << 2), f32.POSITIVE_INFINITY);
    // Moving over from here costs the next candidate's price less gain against those of this one.
    const own = load<f32>(prices + (candidate << 2)) - gainOf(from, candidate);
    least = spread(from, least - own, bytes);
    candidate = findOpen(least, bytes);
  }
  return candidate;
}

function ownerAt(candidate: usize): i32 {
  return load<i32>(ownerOf + (candidate << 2));
}

/** Lowers the losses of open candidates that are cheaper to reach from group `from`; returns the least of all open ones. */
function spread(from: i32, start: f32, bytes: usize): f32 {
  const row = gainAt(from, 0);
  const infinity = f32x4.splat(f32.POSITIVE_INFINITY);
  const base = f32x4.splat(start);
  const group = i32x4.splat(from);
  let least = infinity;
  for (let at: usize = 0; at < bytes; at += 16) {
    const price = v128.load(openPrices + at);
    const before = v128.load(losses + at);
    const loss = f32x4.add(base, f32x4.sub(price, v128.load(row + at)));
    const cheaper = f32x4.lt(loss, before);
    const now = v128.bitselect(loss, before, cheaper);
    v128.store(losses + at, now);
    v128.store(comesFrom + at, v128.bitselect(group, v128.load(comesFrom + at), cheaper));
    least = f32x4.pmin(least, v128.bitselect(now, infinity, f32x4.lt(price, infinity)));
  }
  return minFloatLane(least);
}

/** The first open candidate with this loss. */
function findOpen(loss: f32, bytes: usize): usize {
  const infinity = f32x4.splat(f32.POSITIVE_INFINITY);
  let at: usize = 0;
  let found = 0;
  for (; at < bytes && found == 0; at += 16) {
    const equal = f32x4.eq(v128.load(losses + at), f32x4.splat(loss));
    found = i32x4.bitmask(v128.and(equal, f32x4.lt(v128.load(openPrices + at), infinity)));
  }
  return (at >> 2) - 4 + ctz(found);
}

/** Raises the prices of what was passed on the way to `end`, so that its groups choose as the path has them move. */
function movePrices(end: f32, bytes: usize): void {
  const infinity = f32x4.splat(f32.POSITIVE_INFINITY);
  for (let at: usize = 0; at < bytes; at += 16) {
    const price = v128.load(prices + at);
    const passed = v128.and(f32x4.eq(v128.load(openPrices + at), infinity), f32x4.lt(price, infinity));
    const rise = f32x4.sub(f32x4.splat(end), v128.load(losses + at));
    v128.store(prices + at, f32x4.add(price, v128.and(rise, passed)));
  }
}

/** Every group on the path to candidate `last` takes the one it was reached for and leaves its own to the one before. */
function moveAlong(last: usize, group: i32): void {
  let candidate = last;
  for (;;) {
    const owner = load<i32>(comesFrom + (candidate << 2));
    const left = load<u32>(candidateOf + (owner << 2));
    store<i32>(ownerOf + (candidate << 2), owner);
    store<u32>(candidateOf + (owner << 2), candidate);
    if (owner == group) return;
    candidate = left;
  }
}
