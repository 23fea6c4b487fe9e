/**
 * Which input channels share a group of N:M: one partition for all output rows of a weight, such that
 * the scores that stay sum to much. As RIA's channel permutation does it (Zhang et al., Plug-and-Play:
 * An Efficient Post-training Pruning Method for LLMs, ICLR 2024): an allocation that deals strong and
 * weak channels to every group, then, slot after slot, the best assignment of one member of each group
 * to all of them. Channels stay where they are; only the mask knows of the groups.
 */
import { assign } from "./assign";
import { gainOf, retainedScore, weighUp } from "./gains";
import {
  BLOCK, candidateOf, channels, comesFrom, groupSize, importances, inputs, keepCount, scores, stride,
} from "./plan";

/**
 * Another sweep follows as long as one raises the retained score by more than this share: two or three
 * do. On SmolLM2-135M at 2:4 the first sweep gets 93% of what eight get, the second 97%. Perplexity after
 * 1, 2, 4, 8 and 16 sweeps was 101, 102, 102, 110, 104 with Wanda and 128, 130, 121, 111, 116 with RIA:
 * the last percents are within what masks of the same score differ by.
 */
const LEAST_GAIN: f64 = 0.001;

/** 2^90: sums of 2^37 such scores are finite. */
const HIGHEST_SCORE: f32 = 1.2379400392853803e27;
/** 2^-38 brings the largest float32 down to it. */
const LOWERING: f32 = 3.637978807091713e-12;

/**
 * Chooses the groups of a weight from its scores, [in, stride]: fills `channels`, members in ascending
 * order. What the groups retain is never less than consecutive channels would.
 */
export function permute(): void {
  const groups = inputs / groupSize;
  takeInOrder();
  if (groups < 2 || keepCount == 0 || keepCount == groupSize) return;
  limitScores();
  const inOrder = retainedScore(groups);
  allocate(groups);
  let retained = retainedScore(groups);
  if (retained <= inOrder) {
    takeInOrder();
    retained = inOrder;
  }
  for (let gain = exchange(groups); gain > LEAST_GAIN * retained; gain = exchange(groups)) retained += gain;
  sortMembers(groups);
}

/** Moves extreme scores by a power of two, so that their sums are finite: no ranking changes. */
function limitScores(): void {
  const end = scores + ((inputs * stride) << 2);
  const limit = f32x4.splat(HIGHEST_SCORE);
  let beyond = f32x4.splat(0);
  for (let at = scores; at < end; at += 16) beyond = v128.or(beyond, f32x4.gt(v128.load(at), limit));
  if (!v128.any_true(beyond)) return;
  for (let at = scores; at < end; at += 16)
    v128.store(at, f32x4.pmin(f32x4.mul(v128.load(at), f32x4.splat(LOWERING)), limit));
}

function takeInOrder(): void {
  for (let i: usize = 0; i < inputs; i++) store<u32>(channels + (i << 2), i);
}

/** Sorts channels by the sum of their scores and deals them out in M rounds, every other one backwards. */
function allocate(groups: usize): void {
  for (let i: usize = 0; i < inputs; i++) {
    // Sums are not negative, so they order like their bits; equal ones by channel.
    store<u64>(importances + (i << 3), (<u64>reinterpret<u32>(<f32>importance(i)) << 32) | i);
  }
  sortImportances();
  for (let round: usize = 0; round < groupSize; round++) {
    for (let k: usize = 0; k < groups; k++) {
      const group = round & 1 ? groups - 1 - k : k;
      store<u32>(memberAt(group, round), <u32>load<u64>(importances + ((round * groups + k) << 3)));
    }
  }
}

function importance(i: usize): f64 {
  let sum: f64 = 0;
  for (let o: usize = 0; o < stride; o++) sum += load<f32>(scores + ((i * stride + o) << 2));
  return sum;
}

/** Heap sort, ascending. */
function sortImportances(): void {
  for (let root = inputs >> 1; root > 0; root--) siftDown(root - 1, inputs);
  for (let end = inputs - 1; end > 0; end--) {
    const greatest = load<u64>(importances);
    store<u64>(importances, load<u64>(importances + (end << 3)));
    store<u64>(importances + (end << 3), greatest);
    siftDown(0, end);
  }
}

function siftDown(root: usize, end: usize): void {
  const key = load<u64>(importances + (root << 3));
  for (let child: usize = 2 * root + 1; child < end; child = 2 * root + 1) {
    if (child + 1 < end && load<u64>(importances + ((child + 1) << 3)) > load<u64>(importances + (child << 3))) child++;
    const greater = load<u64>(importances + (child << 3));
    if (greater <= key) break;
    store<u64>(importances + (root << 3), greater);
    root = child;
  }
  store<u64>(importances + (root << 3), key);
}

/**
 * One sweep: every slot of every block is assigned anew. Blocks are neighbours after the allocation, as
 * with RIA's `--fast`: the cost of a sweep then is BLOCK maxima and additions for each weight, at most.
 *
 * @returns by how much the retained score rose
 */
function exchange(groups: usize): f64 {
  const blocks = (groups + BLOCK - 1) / BLOCK;
  const length = (groups + blocks - 1) / blocks;
  let gain: f64 = 0;
  for (let slot: usize = 0; slot < groupSize; slot++)
    for (let first: usize = 0; first < groups; first += length)
      gain += exchangeSlot(first, min(length, groups - first), slot);
  return gain;
}

/** Assigns one member of each of `count` groups to all of them. @returns by how much the retained score rose */
function exchangeSlot(first: usize, count: usize, slot: usize): f64 {
  weighUp(first, count, slot);
  assign(count);
  let gain: f64 = 0;
  for (let group: usize = 0; group < count; group++)
    gain += <f64>gainOf(group, load<u32>(candidateOf + (group << 2))) - gainOf(group, group);
  // Rounding may find as good an assignment to be a worse one.
  if (gain <= 0) return 0;
  const moved = comesFrom;
  for (let group: usize = 0; group < count; group++)
    store<u32>(moved + (group << 2), load<u32>(memberAt(first + load<u32>(candidateOf + (group << 2)), slot)));
  for (let group: usize = 0; group < count; group++)
    store<u32>(memberAt(first + group, slot), load<u32>(moved + (group << 2)));
  return gain;
}

function memberAt(group: usize, slot: usize): usize {
  return channels + ((group * groupSize + slot) << 2);
}

/** Insertion sort of every group's members, so that ties fall as in a group of consecutive channels. */
function sortMembers(groups: usize): void {
  for (let group: usize = 0; group < groups; group++) {
    const start = memberAt(group, 0);
    for (let c: usize = 1; c < groupSize; c++) {
      const member = load<u32>(start + (c << 2));
      let place = c;
      for (; place > 0 && load<u32>(start + ((place - 1) << 2)) > member; place--)
        store<u32>(start + (place << 2), load<u32>(start + ((place - 1) << 2)));
      store<u32>(start + (place << 2), member);
    }
  }
}
