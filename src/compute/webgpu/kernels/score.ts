/**
 * Pass 2: scores,
 *
 *   |W| · ( one + row / mean_row(o) + column / mean_col(i) + window / mean_window(o, i) ) · factor[i],
 *
 * and for N:M the mask. A workgroup is a strip of output rows, one a thread, and moves along a chunk of
 * input channels, a batch at a time: the batch is loaded into workgroup memory (so that either storage order
 * is read in runs), the window slides on, and a thread has the scores of its row. Groups of N:M are decided
 * in registers and only bits are written; else scores are written once, as keys for the rank kernels.
 * On the way: sums of scores, and the range of |W|, by which the host sees NaN, Inf and extreme weights.
 */
import { addUpCode, bitsCode, MASK_BITS } from "./bits.js";
import { groupsCode } from "./groups.js";
import { ARGUMENTS, type Binding, type Kernel, kernelOf } from "./kernel.js";
import { type WeightForm, weightBindings, weightCode } from "./weight.js";
import { type WindowForm, windowBytes, windowCode } from "./window.js";

/** What a score kernel is made for. */
export interface ScoreForm {
  readonly weight: WeightForm;
  /** Side of the window, null without one. */
  readonly size: number | null;
  readonly strip: number;
  readonly batch: number;
  /** N and M, null where scores compete in rows or in the matrix. */
  readonly group: { readonly keep: number; readonly size: number } | null;
}

/** Bytes of workgroup memory that the kernel takes. */
export function scoreBytes({
  size,
  strip,
  batch,
  group,
  weight,
}: Omit<ScoreForm, "weight"> & { readonly weight: Pick<WeightForm, "order"> }): number {
  const window = size === null ? 0 : windowBytes({ size, strip, batch });
  const turning = group !== null && weight.order === "in-out" ? 4 * strip : 0;
  return 4 * batch * widthOf(size, strip) + window + turning + (group === null ? 0 : 8 * strip) + 8;
}

/** Output rows of the tile: the strip and what windows reach on both sides, odd for the sake of memory banks. */
const widthOf = (size: number | null, strip: number): number => (strip + (size ?? 1) - 1) | 1;

/** Input channels after which everything repeats: a multiple of the batch and of M. */
export const stepOf = ({ batch, group }: Pick<ScoreForm, "batch" | "group">): number =>
  Math.max(batch, group?.size ?? 1);

/**
 * The kernel. Workgroups: (strips of the slice, chunks of input channels); `job.chunk` is a multiple of 32 and of the
 * step. Sums of kept and of all scores go to `sums` (N:M only), one a workgroup.
 *
 * @param form `batch` divides M or is a multiple of it
 */
export function scoreKernel(form: ScoreForm): Kernel {
  const { weight, size, strip, batch, group } = form;
  const half = ((size ?? 1) - 1) / 2;
  const window: WindowForm | null = size === null ? null : { size, strip, batch };
  const step = stepOf(form);
  const width = widthOf(size, strip);
  const bindings: readonly Binding[] = [
    ...weightBindings(weight),
    { name: "columns", access: "read", type: "array<vec2<f32>>" },
    { name: "rows", access: "read", type: "array<f32>" },
    // Bits of the largest |W|, and of the smallest positive one, less 1, so that 0 becomes the largest integer.
    { name: "range", access: "read_write", type: "array<atomic<u32>, 2>" },
    ...(group === null
      ? [{ name: "scores", access: "read_write", type: "array<u32>" } as const]
      : [MASK_BITS, { name: "sums", access: "read_write", type: "array<vec2<f32>>" } as const]),
  ];
  return kernelOf(
    "score",
    bindings,
    weightCode(weight),
    `const STRIP = ${strip}u;
const BATCH = ${batch}u;
const WIDTH = ${width}u;
const SPAN = ${strip + 2 * half}u;
const REACH = ${half}u;
var<workgroup> tile: array<f32, BATCH * WIDTH>;
var<workgroup> most: atomic<u32>;
var<workgroup> least: atomic<u32>;
var<private> largest: u32;
var<private> smallest: u32;
var<private> keys: array<u32, ${step}>;
var<private> rowTerm: f32;

// Input channels \`channel\` … of the strip and its neighbours; channels from \`end\` on are not read and count as 0.
fn loadTile(firstRow: u32, channel: u32, end: u32, thread: u32) {
  for (var k = thread; k < BATCH * SPAN; k += STRIP) {
    let r = ${weight.order === "in-out" ? "k % SPAN" : "k / BATCH"};
    let b = ${weight.order === "in-out" ? "k / SPAN" : "k % BATCH"};
    var bits = 0u;
    if (channel + b < end || end == 0u) {
      bits = magnitudeAt(firstRow + r - REACH, channel + b);
    }
    largest = max(largest, bits);
    smallest = min(smallest, bits - 1u);
    tile[b * WIDTH + r] = bitcast<f32>(bits);
  }
}`,
    window === null ? "" : windowCode(window),
    `fn keyAt(o: u32, i: u32, b: u32, thread: u32) -> u32 {
  ${window === null ? "let w = tile[b * WIDTH + thread];" : "let w = slide(b, thread);"}
  if (o >= job.first + job.count || i >= job.inputs) {
    return 0u;
  }
  let column = columns[i];
  var terms = rowTerm + column.x;
${window === null ? "" : WINDOW_TERM}
  // Without the sign of a factor −0.
  return bitcast<u32>((w * terms) * column.y) & 0x7fffffffu;
}`,
    ...(group === null ? [] : [groupsCode(group.keep, group.size), bitsCode(weight.order, strip), addUpCode(strip)]),
    `@compute @workgroup_size(${strip})
fn main(${ARGUMENTS}) {
  let firstRow = job.first + group.x * STRIP;
  let o = firstRow + thread;
  let chunkFirst = group.y * job.chunk;
  let chunkEnd = min(job.inputs, chunkFirst + job.chunk);
  smallest = 0xffffffffu;
  rowTerm = rows[min(o, job.outputs - 1u)];
${group === null ? "" : "  var word = 0u;\n  var sum = vec2(0.0, 0.0);"}
${window === null ? "" : PROLOGUE}
  for (var channel = chunkFirst; channel < chunkEnd; channel += ${step}u) {
    for (var part = 0u; part < ${step}u; part += BATCH) {
      loadTile(firstRow, channel + part + REACH, 0u, thread);
      workgroupBarrier();
${window === null ? "" : "      sumAcross(thread);\n      workgroupBarrier();"}
      for (var b = 0u; b < BATCH; b++) {
        keys[part + b] = keyAt(o, channel + part + b, b, thread);
      }
      workgroupBarrier();
    }
${group === null ? writeKeys(step) : decideGroups(group.size, step)}
  }
${group === null ? "" : finish(step)}
  atomicMax(&most, largest);
  // Workgroup memory begins as zeros, so the smallest is a largest of complements.
  atomicMax(&least, ~smallest);
  workgroupBarrier();
  if (thread == 0u) {
    atomicMax(&range[0], atomicLoad(&most));
    atomicMax(&range[1], atomicLoad(&least));
  }
}`,
  );
}

/** The window's mean is its sum by its cells, those within the matrix. */
const WINDOW_TERM = `  if (windowSum > 0.0) {
    let rowCells = min(o + HALF, job.outputs - 1u) - max(o, HALF) + HALF + 1u;
    let channelCells = min(i + HALF, job.inputs - 1u) - max(i, HALF) + HALF + 1u;
    terms += (f32(channelCells) * (job.window * f32(rowCells))) / windowSum;
  }`;

/** Channels before the chunk's first, as far as its window reaches, and after it, but for the last. */
const PROLOGUE = `  for (var before = 0u; before < 2u * HALF; before += BATCH) {
    let first = chunkFirst - HALF;
    loadTile(firstRow, first + before, chunkFirst + HALF, thread);
    workgroupBarrier();
    sumAcross(thread);
    workgroupBarrier();
    for (var b = 0u; b < min(BATCH, 2u * HALF - before); b++) {
      arrive(b, thread);
    }
    workgroupBarrier();
  }`;

const writeKeys = (step: number): string => `    if (o < job.first + job.count) {
      for (var c = 0u; c < ${step}u && channel + c < chunkEnd; c++) {
        scores[(o - job.first) * job.inputs + channel + c] = keys[c];
      }
    }`;

/**
 * Groups of a step: their bits into the word of 32 channels, and their sums. Where steps divide words, as with
 * every M that is a power of two, a group's bits come at once and words end with steps.
 */
const decideGroups = (
  size: number,
  step: number,
): string => `    for (var start = 0u; start < ${step}u && channel + start < chunkEnd; start += ${size}u) {
      keepBest(start);
      var own = vec2(0.0, 0.0);
      for (var c = 0u; c < ${size}u; c++) {
        let score = bitcast<f32>(keys[start + c]);
        let stay = ${size <= 32 ? "(stays.x >> c) & 1u" : "select(stays.x >> c, stays.y >> (c - 32u), c >= 32u) & 1u"};
        own += vec2(select(0.0, score, stay == 1u), score);
${dividesWords(step) ? "" : ADD_BIT}
      }
      sum += own;
${dividesWords(step) ? "      word |= stays.x << ((channel + start) % 32u);" : ""}
    }
${dividesWords(step) ? endWord(step) : ""}`;

const dividesWords = (step: number): boolean => 32 % step === 0;

const endWord = (step: number): string => `    if ((channel + ${step}u) % 32u == 0u) {
      putWord(word, firstRow, channel & ~31u, thread);
      word = 0u;
    }`;

const ADD_BIT = `        let i = channel + start + c;
        word |= stay << (i % 32u);
        if (i % 32u == 31u) {
          putWord(word, firstRow, i - 31u, thread);
          word = 0u;
        }`;

/** What is left of a word, unless its last step, which may reach beyond the last channel, has ended it. */
const finish = (
  step: number,
): string => `  let end = ${dividesWords(step) ? `(chunkEnd + ${step - 1}u) / ${step}u * ${step}u` : "chunkEnd"};
  if (end % 32u != 0u) {
    putWord(word, firstRow, chunkEnd & ~31u, thread);
  }
  let total = addUp(sum, thread);
  if (thread == 0u) {
    sums[job.firstSum + group.y * groups.x + group.x] = total;
  }`;
