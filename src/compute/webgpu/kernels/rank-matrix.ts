/**
 * The number at a given rank of all scores of a matrix, exactly: histograms over 11, 10 and 10 bits of the
 * keys (scores are not negative, so the sign's bit is 0), each in workgroup memory first, then added up. Which
 * of the scores that equal it stay is told per row, lowest rows first.
 */
import { ARGUMENTS, type Kernel, kernelOf, ROW_THREADS } from "./kernel.js";
import { NOTHING } from "./rank-rows.js";

/** Bins of a histogram. */
export const BINS = 2048;
/** Keys that one workgroup of `countKernel` counts. */
export const KEYS_COUNTED = 16384;
/** The lowest bit of each round's digit. */
export const ROUND_SHIFTS = [20, 10, 0] as const;
/** Threads of the kernels that look at the matrix as a whole. */
export const MATRIX_THREADS = 256;
/** Words of `rank`: the digits found, and the rank among the keys that begin with them. */
export const RANK_WORDS = 2;

/** Bits of the digit of each round. */
const digitBits = (shift: number) => (shift === ROUND_SHIFTS[0] ? 11 : 10);

/** Adds the next digit of those keys of a slice that begin with the digits found to `histogram`, [BINS]. */
export function countKernel(shift: number): Kernel {
  const bits = digitBits(shift);
  return kernelOf(
    "count digits",
    [
      { name: "scores", access: "read", type: "array<u32>" },
      { name: "rank", access: "read", type: `array<u32, ${RANK_WORDS}>` },
      { name: "histogram", access: "read_write", type: `array<atomic<u32>, ${BINS}>` },
    ],
    `var<workgroup> own: array<atomic<u32>, ${BINS}>;

@compute @workgroup_size(${MATRIX_THREADS})
fn main(${ARGUMENTS}) {
  let start = (group.y * groups.x + group.x) * ${KEYS_COUNTED}u;
  let end = min(start + ${KEYS_COUNTED}u, job.count * job.inputs);
  let found = rank[0];
  for (var k = start + thread; k < end; k += ${MATRIX_THREADS}u) {
    let key = scores[k] >> ${shift}u;
    if (key >> ${bits}u == found) {
      atomicAdd(&own[key & ${2 ** bits - 1}u], 1u);
    }
  }
  workgroupBarrier();
  for (var bin = thread; bin < ${BINS}u; bin += ${MATRIX_THREADS}u) {
    let count = atomicLoad(&own[bin]);
    if (count > 0u) {
      atomicAdd(&histogram[bin], count);
    }
  }
}`,
  );
}

/** Finds the digit that holds the rank, moves the rank to those keys, and clears the histogram. One workgroup. */
export function findKernel(shift: number): Kernel {
  const first = shift === ROUND_SHIFTS[0];
  return kernelOf(
    "find digit",
    [
      { name: "histogram", access: "read_write", type: `array<u32, ${BINS}>` },
      { name: "rank", access: "read_write", type: `array<u32, ${RANK_WORDS}>` },
    ],
    `const EACH = ${BINS / MATRIX_THREADS}u;
var<workgroup> coarse: array<u32, ${MATRIX_THREADS}>;

@compute @workgroup_size(${MATRIX_THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0u;
  for (var k = 0u; k < EACH; k++) {
    sum += histogram[EACH * thread + k];
  }
  coarse[thread] = sum;
  workgroupBarrier();
  if (thread == 0u) {
    var left = select(rank[1], job.keepCount, ${first});
    var block = ${MATRIX_THREADS - 1}u;
    while (block > 0u && left > coarse[block]) {
      left -= coarse[block];
      block--;
    }
    var digit = EACH * block + EACH - 1u;
    while (digit > EACH * block && left > histogram[digit]) {
      left -= histogram[digit];
      digit--;
    }
    rank[0] = rank[0] * ${2 ** digitBits(shift)}u + digit;
    rank[1] = left;
  }
  storageBarrier();
  for (var k = 0u; k < EACH; k++) {
    histogram[EACH * thread + k] = 0u;
  }
}`,
  );
}

/** Counts the scores of each row of a slice that equal the one at the rank. One workgroup a row. */
export function equalsKernel(): Kernel {
  return kernelOf(
    "count equals",
    [
      { name: "scores", access: "read", type: "array<u32>" },
      { name: "rank", access: "read", type: `array<u32, ${RANK_WORDS}>` },
      { name: "equals", access: "read_write", type: "array<u32>" },
    ],
    `var<workgroup> sum: atomic<u32>;

@compute @workgroup_size(${ROW_THREADS})
fn main(${ARGUMENTS}) {
  let row = group.y * groups.x + group.x;
  if (row >= job.count) {
    return;
  }
  var count = 0u;
  for (var i = thread; i < job.inputs; i += ${ROW_THREADS}u) {
    count += u32(scores[row * job.inputs + i] == rank[0]);
  }
  atomicAdd(&sum, count);
  workgroupBarrier();
  if (thread == 0u) {
    equals[job.first + row] = atomicLoad(&sum);
  }
}`,
  );
}

/** Hands the equals that stay to the rows, lowest first: `cuts`, [out], of all rows. One workgroup. */
export function shareKernel(): Kernel {
  return kernelOf(
    "share equals",
    [
      { name: "equals", access: "read", type: "array<u32>" },
      { name: "rank", access: "read", type: `array<u32, ${RANK_WORDS}>` },
      { name: "cuts", access: "read_write", type: "array<vec2<u32>>" },
    ],
    `var<workgroup> before: array<u32, ${MATRIX_THREADS}>;

@compute @workgroup_size(${MATRIX_THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  let each = (job.outputs + ${MATRIX_THREADS - 1}u) / ${MATRIX_THREADS}u;
  let end = min(each * (thread + 1u), job.outputs);
  var sum = 0u;
  for (var o = each * thread; o < end; o++) {
    sum += equals[o];
  }
  before[thread] = sum;
  workgroupBarrier();
  var left = rank[1];
  for (var t = 0u; t < thread; t++) {
    left -= min(left, before[t]);
  }
  for (var o = each * thread; o < end; o++) {
    let stay = min(left, equals[o]);
    left -= stay;
    cuts[o] = select(vec2(rank[0], stay), vec2(${NOTHING}, 0u), job.keepCount == 0u);
  }
}`,
  );
}
