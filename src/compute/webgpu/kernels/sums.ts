/**
 * Pass 1: one read of every weight to partial sums of rows and of columns; and what the score makes of
 * them. Partial sums cover at most 32 values and are put together in blocks, so nothing needs float
 * atomics, the order of additions is fixed, and what is lost by rounding stays near one part in 10^6.
 */
import { ARGUMENTS, type Kernel, kernelOf } from "./kernel.js";
import { type WeightForm, weightBindings, weightCode } from "./weight.js";

/** Output rows of a workgroup. */
export const SUM_STRIP = 64;
/** Output rows of a partial sum of a column. */
export const COLUMN_PART = 32;
/** Input channels of a partial sum of a row. */
export const ROW_PART = 256;

/**
 * Partial sums of |W|: `columnSums`, [columnParts, in], of 32 output rows each, and `rowSums`, [rowParts, out],
 * of 256 input channels each. Workgroups: (strips of 64 output rows, parts of rows).
 */
export function sumsKernel(form: WeightForm): Kernel {
  return kernelOf(
    "sums",
    [
      ...weightBindings(form),
      { name: "columnSums", access: "read_write", type: "array<f32>" },
      { name: "rowSums", access: "read_write", type: "array<f32>" },
    ],
    weightCode(form),
    `// 32 input channels of 64 output rows; the odd width keeps both directions free of bank conflicts.
const WIDTH = ${SUM_STRIP + 1}u;
var<workgroup> tile: array<f32, 32u * WIDTH>;

@compute @workgroup_size(${SUM_STRIP})
fn main(${ARGUMENTS}) {
  let firstRow = job.first + group.x * ${SUM_STRIP}u;
  let end = job.first + job.count;
  var rowSum = 0.0;
  for (var channel = 0u; channel < ${ROW_PART}u; channel += 32u) {
    let firstChannel = group.y * ${ROW_PART}u + channel;
    for (var k = thread; k < ${32 * SUM_STRIP}u; k += ${SUM_STRIP}u) {
      let r = ${form.order === "in-out" ? `k % ${SUM_STRIP}u` : "k / 32u"};
      let c = ${form.order === "in-out" ? `k / ${SUM_STRIP}u` : "k % 32u"};
      let o = firstRow + r;
      // Neighbours that were loaded for windows belong to other slices.
      tile[c * WIDTH + r] = select(0.0, bitcast<f32>(magnitudeAt(o, firstChannel + c)), o < end);
    }
    workgroupBarrier();
    var sum = 0.0;
    for (var c = 0u; c < 32u; c++) {
      sum += tile[c * WIDTH + thread];
    }
    rowSum += sum;
    let own = thread % 32u;
    let half = thread / 32u;
    sum = 0.0;
    for (var r = 0u; r < 32u; r++) {
      sum += tile[own * WIDTH + half * 32u + r];
    }
    if (firstChannel + own < job.inputs) {
      columnSums[(job.firstPart + group.x * 2u + half) * job.inputs + firstChannel + own] = sum;
    }
    workgroupBarrier();
  }
  if (firstRow + thread < end) {
    rowSums[group.y * job.outputs + firstRow + thread] = rowSum;
  }
}`,
  );
}

/** Threads of the terms kernel. */
export const TERM_THREADS = 64;

/**
 * From partial sums (none where the formula has neither row nor column term) and `factors`, [in], to
 * `columns`, [in] of (column / mean_col, factor), and `rows`, [out], one + row / mean_row. A mean of 0 gives
 * a term of 0: its weights are all 0. One thread for each index of the longer axis.
 */
export function termsKernel(): Kernel {
  return kernelOf(
    "terms",
    [
      { name: "columnSums", access: "read", type: "array<f32>" },
      { name: "rowSums", access: "read", type: "array<f32>" },
      { name: "factors", access: "read", type: "array<f32>" },
      { name: "columns", access: "read_write", type: "array<vec2<f32>>" },
      { name: "rows", access: "read_write", type: "array<f32>" },
    ],
    `fn ratio(coefficient: f32, sum: f32) -> f32 {
  return select(0.0, coefficient / sum, sum > 0.0);
}

@compute @workgroup_size(${TERM_THREADS})
fn main(${ARGUMENTS}) {
  let k = (group.y * groups.x + group.x) * ${TERM_THREADS}u + thread;
  if (k < job.inputs) {
    var sum = 0.0;
    for (var block = 0u; block < job.columnParts; block += 32u) {
      var part = 0.0;
      for (var p = block; p < min(block + 32u, job.columnParts); p++) {
        part += columnSums[p * job.inputs + k];
      }
      sum += part;
    }
    columns[k] = vec2(ratio(job.column, sum), factors[k]);
  }
  if (k < job.outputs) {
    var sum = 0.0;
    for (var block = 0u; block < job.rowParts; block += 32u) {
      var part = 0.0;
      for (var p = block; p < min(block + 32u, job.rowParts); p++) {
        part += rowSums[p * job.outputs + k];
      }
      sum += part;
    }
    rows[k] = job.one + ratio(job.row, sum);
  }
}`,
  );
}
