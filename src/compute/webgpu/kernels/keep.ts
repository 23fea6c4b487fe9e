/**
 * What stays of a row whose cut is known: every score above it, and of its equals as many as the cut says,
 * lowest input channel first. And the turn of those bits into the mask's own order.
 */
import type { StorageOrder } from "../../../tensor/matrix.js";
import { addUpCode, bitsCode, MASK_BITS } from "./bits.js";
import { ARGUMENTS, type Kernel, kernelOf, ROW_THREADS } from "./kernel.js";

/**
 * From `scores` of the slice to `rowBits`, [out, rowWords], one bit a channel, each row from a word of its own on, and to
 * `sums`, [out], of kept and of all scores. One workgroup a row.
 *
 * @param cutsOf whether `cuts` holds the rows of the slice (row scope) or of the weight
 */
export function keepKernel(cutsOf: "slice" | "weight"): Kernel {
  return kernelOf(
    "keep",
    [
      { name: "scores", access: "read", type: "array<u32>" },
      { name: "cuts", access: "read", type: "array<vec2<u32>>" },
      { name: "rowBits", access: "read_write", type: "array<u32>" },
      { name: "sums", access: "read_write", type: "array<vec2<f32>>" },
    ],
    addUpCode(ROW_THREADS),
    `// Equals that each thread found in its word.
var<workgroup> found: array<u32, ${ROW_THREADS}>;

@compute @workgroup_size(${ROW_THREADS})
fn main(${ARGUMENTS}) {
  let row = group.y * groups.x + group.x;
  if (row >= job.count) {
    return;
  }
  let cut = cuts[${cutsOf === "slice" ? "row" : "job.first + row"}];
  // Equals that stay and have not been met yet; the same in all threads.
  var left = cut.y;
  var sum = vec2(0.0, 0.0);
  for (var block = 0u; block < job.rowWords; block += ${ROW_THREADS}u) {
    // A thread has a word, 32 channels.
    let word = block + thread;
    var above = 0u;
    var equal = 0u;
    for (var c = 0u; c < 32u && 32u * word + c < job.inputs; c++) {
      let key = scores[row * job.inputs + 32u * word + c];
      above |= u32(key > cut.x) << c;
      equal |= u32(key == cut.x) << c;
      sum += vec2(select(0.0, bitcast<f32>(key), key > cut.x), bitcast<f32>(key));
    }
    found[thread] = countOneBits(equal);
    workgroupBarrier();
    var stay = left;
    for (var t = 0u; t < ${ROW_THREADS}u; t++) {
      stay -= select(0u, min(stay, found[t]), t < thread);
      left -= min(left, found[t]);
    }
    let ties = lowestOnes(equal, stay);
    if (ties != 0u) {
      sum.x += bitcast<f32>(cut.x) * f32(countOneBits(ties));
    }
    if (word < job.rowWords) {
      rowBits[(job.first + row) * job.rowWords + word] = above | ties;
    }
    workgroupBarrier();
  }
  let total = addUp(sum, thread);
  if (thread == 0u) {
    sums[job.first + row] = total;
  }
}

fn lowestOnes(word: u32, count: u32) -> u32 {
  var rest = word;
  var ones = 0u;
  for (var k = 0u; k < count && rest != 0u; k++) {
    let lowest = rest & (~rest + 1u);
    ones |= lowest;
    rest ^= lowest;
  }
  return ones;
}`,
  );
}

/** Output rows of a workgroup of `packKernel`. */
export const PACK_STRIP = 64;

/** From `rowBits`, [out, rowWords], to the mask's bits in storage order. Workgroups: (strips of 64 rows, rowWords). */
export function packKernel(order: StorageOrder): Kernel {
  return kernelOf(
    "pack",
    [{ name: "rowBits", access: "read", type: "array<u32>" }, MASK_BITS],
    bitsCode(order, PACK_STRIP),
    `@compute @workgroup_size(${PACK_STRIP})
fn main(${ARGUMENTS}) {
  let firstRow = group.x * ${PACK_STRIP}u;
  let o = firstRow + thread;
  var word = 0u;
  if (o < job.outputs) {
    word = rowBits[o * job.rowWords + group.y];
  }
  putWord(word, firstRow, group.y * 32u, thread);
}`,
  );
}
