/**
 * Figures of a mask that tuning asks for: a histogram of the scores that stay, from which their Gini coefficient
 * follows, and the diagonal output error. And the mask's application to stored floats.
 */
import type { FloatType } from "../../../tensor/dtypes.js";
import type { StorageOrder } from "../../../tensor/matrix.js";
import { addUpCode } from "./bits.js";
import { ARGUMENTS, type Binding, type Kernel, kernelOf } from "./kernel.js";
import { type WeightForm, weightBindings, weightCode } from "./weight.js";

/** Bins of the histogram: one for each pattern of a score's upper 15 bits, its exponent and 7 bits of fraction. */
export const SCORE_BINS = 32768;
/** Words of a bin: how many scores, and the sum of their lower 16 bits in two words, so that it is exact. */
export const BIN_WORDS = 3;
/** Scores that one workgroup counts. */
export const SCORES_COUNTED = 4096;
/** Output rows and input channels of a workgroup of `outputErrorKernel`. */
export const ERROR_STRIP = 64;
export const ERROR_CHUNK = 256;
/** Words of a stored weight that one workgroup of `applyKernel` masks. */
export const APPLY_THREADS = 64;

const MASK: Binding = { name: "bits", access: "read", type: "array<u32>" };

/** WGSL of `isKept(o, i)`. */
const keptCode = (order: StorageOrder): string => `fn isKept(o: u32, i: u32) -> bool {
  let k = ${order === "in-out" ? "i * job.outputs + o" : "o * job.inputs + i"};
  return ((bits[k / 32u] >> (k % 32u)) & 1u) == 1u;
}`;

/** Adds the scores of a slice that stay to `histogram`, [SCORE_BINS, BIN_WORDS]. */
export function scoreHistogramKernel(order: StorageOrder): Kernel {
  return kernelOf(
    "score histogram",
    [
      { name: "scores", access: "read", type: "array<u32>" },
      MASK,
      { name: "histogram", access: "read_write", type: `array<atomic<u32>, ${SCORE_BINS * BIN_WORDS}>` },
    ],
    keptCode(order),
    `@compute @workgroup_size(64)
fn main(${ARGUMENTS}) {
  let start = (group.y * groups.x + group.x) * ${SCORES_COUNTED}u;
  let end = min(start + ${SCORES_COUNTED}u, job.count * job.inputs);
  for (var k = start + thread; k < end; k += 64u) {
    if (isKept(job.first + k / job.inputs, k % job.inputs)) {
      let key = scores[k];
      let bin = ${BIN_WORDS}u * (key >> 16u);
      let low = key & 0xffffu;
      atomicAdd(&histogram[bin], 1u);
      let before = atomicAdd(&histogram[bin + 1u], low);
      if (before + low < before) {
        atomicAdd(&histogram[bin + 2u], 1u);
      }
    }
  }
}`,
  );
}

/**
 * Sums of W² · squares over what goes and over all, one pair a workgroup, in a unit that follows from `range`. Workgroups: (strips of 64 output rows,
 * chunks of 256 input channels).
 */
export function outputErrorKernel(form: WeightForm): Kernel {
  return kernelOf(
    "output error",
    [
      ...weightBindings(form),
      MASK,
      { name: "squares", access: "read", type: "array<f32>" },
      { name: "range", access: "read", type: "array<u32, 2>" },
      { name: "sums", access: "read_write", type: "array<vec2<f32>>" },
    ],
    weightCode(form),
    keptCode(form.order),
    addUpCode(ERROR_STRIP),
    `@compute @workgroup_size(${ERROR_STRIP})
fn main(${ARGUMENTS}) {
  let o = job.first + group.x * ${ERROR_STRIP}u + thread;
  let first = group.y * ${ERROR_CHUNK}u;
  // The power of two that brings the largest |W| to 1 … 2, so that no square leaves float32.
  let unit = bitcast<f32>((254u - (range[0] >> 23u)) << 23u);
  var sum = vec2(0.0, 0.0);
  if (o < job.first + job.count) {
    for (var i = first; i < min(first + ${ERROR_CHUNK}u, job.inputs); i++) {
      let w = bitcast<f32>(magnitudeAt(o, i)) * unit;
      let error = w * w * squares[i];
      sum += vec2(select(error, 0.0, isKept(o, i)), error);
    }
  }
  let total = addUp(sum, thread);
  if (thread == 0u) {
    sums[job.firstSum + group.y * groups.x + group.x] = total;
  }
}`,
  );
}

/** Writes zeros into stored floats where the mask has 0, a word at a time; `job.count` is the number of words. */
export function applyKernel(dtype: FloatType): Kernel {
  return kernelOf(
    "apply",
    [MASK, { name: "weight", access: "read_write", type: "array<u32>" }],
    `@compute @workgroup_size(${APPLY_THREADS})
fn main(${ARGUMENTS}) {
  let k = (group.y * groups.x + group.x) * ${APPLY_THREADS}u + thread;
  if (k >= job.count) {
    return;
  }
${dtype === "float32" ? "  let kept = 0u - ((bits[k / 32u] >> (k % 32u)) & 1u);" : HALVES}
  weight[k] &= kept;
}`,
  );
}

const HALVES = `  let pair = bits[k / 16u] >> (2u * (k % 16u));
  let kept = ((0u - (pair & 1u)) & 0xffffu) | ((0u - ((pair >> 1u) & 1u)) << 16u);`;
