/**
 * The number at a given rank of every row of scores, exactly: scores are not negative, and such floats order
 * like their bits, so four rounds of a histogram over eight bits find the k-th largest key. One workgroup a row.
 */
import { ARGUMENTS, type Kernel, kernelOf, ROW_THREADS } from "./kernel.js";

/** A score above every score: the cut where nothing stays. */
export const NOTHING = "0xffffffffu";

/**
 * From `scores`, [rows of the slice, in], to `cuts`: the key at rank `job.keepCount` of each row, and how many of its
 * equals stay.
 */
export function rankRowsKernel(): Kernel {
  return kernelOf(
    "rank rows",
    [
      { name: "scores", access: "read", type: "array<u32>" },
      { name: "cuts", access: "read_write", type: "array<vec2<u32>>" },
    ],
    `var<workgroup> histogram: array<atomic<u32>, 256>;
// The digits found so far, and the rank among the keys that begin with them.
var<workgroup> digits: u32;
var<workgroup> rank: u32;

@compute @workgroup_size(${ROW_THREADS})
fn main(${ARGUMENTS}) {
  let row = group.y * groups.x + group.x;
  if (row >= job.count) {
    return;
  }
  if (thread == 0u) {
    rank = job.keepCount;
  }
  for (var round = 0u; round < 4u; round++) {
    let shift = 24u - 8u * round;
    for (var k = thread; k < 256u; k += ${ROW_THREADS}u) {
      atomicStore(&histogram[k], 0u);
    }
    workgroupBarrier();
    let found = digits;
    for (var i = thread; i < job.inputs; i += ${ROW_THREADS}u) {
      let key = scores[row * job.inputs + i] >> shift;
      if (key >> 8u == found) {
        atomicAdd(&histogram[key & 255u], 1u);
      }
    }
    workgroupBarrier();
    if (thread == 0u) {
      // From the highest digit down to the one that holds the rank.
      var left = rank;
      var digit = 255u;
      while (digit > 0u && left > atomicLoad(&histogram[digit])) {
        left -= atomicLoad(&histogram[digit]);
        digit--;
      }
      digits = found * 256u + digit;
      rank = left;
    }
    workgroupBarrier();
  }
  if (thread == 0u) {
    cuts[row] = select(vec2(digits, rank), vec2(${NOTHING}, 0u), job.keepCount == 0u);
  }
}`,
  );
}
