/**
 * How a weight is masked on a device with given limits: slices of output rows that fit its buffers, the
 * shape of the score kernel's workgroups, the sizes of all buffers. Numbers only, so that a device can say
 * beforehand what it cannot do, and so that traffic can be counted without running anything.
 */
import { type Pattern, prunedCount } from "../../pattern/index.js";
import type { ScoreTerms } from "../../score/index.js";
import type { Shape, StorageOrder } from "../../tensor/matrix.js";
import { ROW_THREADS } from "./kernels/kernel.js";
import { MATRIX_THREADS } from "./kernels/rank-matrix.js";
import { scoreBytes, stepOf } from "./kernels/score.js";
import { COLUMN_PART, ROW_PART, SUM_STRIP } from "./kernels/sums.js";
import { type BufferBytes, bytesOf, heldBytes, mostOf } from "./plan-bytes.js";

/** What a device allows, in the words of WebGPU's limits, and how much of its memory may be used. */
export interface DeviceLimits {
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupsPerDimension: number;
  /** Bytes of buffers that one job may hold. */
  readonly memory: number;
  /** Most output rows of a slice. */
  readonly sliceRows: number;
}

/** What is known of a weight before its bytes. */
export interface WeightFacts {
  readonly shape: Shape;
  readonly order: StorageOrder;
  /** Bits of a stored element, and elements from one stored row to the next. */
  readonly elementBits: number;
  readonly rowElements: number;
  /** Bytes of its table of scales, 0 for floats. */
  readonly scaleBytes: number;
  readonly terms: ScoreTerms;
  readonly pattern: Pattern;
}

/** Output rows that are worked on at a time, and those that are loaded for it: with neighbours, for windows. */
export interface Slice {
  readonly first: number;
  readonly count: number;
  readonly loadFirst: number;
  readonly loadCount: number;
}

/** Everything about a job but its bytes. */
export interface Plan {
  readonly facts: WeightFacts;
  /** Whether row or column sums are needed. */
  readonly relative: boolean;
  /** Side of the window, null without one. */
  readonly size: number | null;
  readonly rule: "group" | "row" | "matrix";
  /** N and M, for the rule `group`. */
  readonly group: { readonly keep: number; readonly size: number } | null;
  /** How many of a row, or of the matrix, stay; unused by the rule `group`. */
  readonly keepCount: number;
  readonly slices: readonly Slice[];
  /** Output rows of a workgroup of the score kernel; input channels loaded at a time, and handled by one workgroup. */
  readonly strip: number;
  readonly batch: number;
  readonly chunk: number;
  /** Partial sums of each column and of each row; 0 where there are none. */
  readonly columnParts: number;
  readonly rowParts: number;
  readonly bytes: BufferBytes;
  /** Pairs of sums of scores. */
  readonly sumCount: number;
  /** Words of 32 channels in a row of bits that begins with a word. */
  readonly rowWords: number;
}

/** Largest M whose groups are decided in registers. */
export const LARGEST_GROUP = 64;
/** Output rows of a workgroup: the wider, the fewer neighbours are read twice; the narrower takes less memory. */
const STRIPS = [64, 32] as const;
/** Input channels loaded at a time: whole cache lines of float32 without a window; with one, barriers are few from 8 on. */
const MOST_CHANNELS = 32;
const MOST_CHANNELS_IN_WINDOW = 8;
/** Input channels of a workgroup: more, and fewer neighbours are read twice; fewer, and more workgroups share the work. */
const CHUNKS_IN_WINDOW = [512, 1024, 2048, 4096] as const;
const CHUNK = 128;
/** Reads of a weight for its scores, on average, that are not exceeded where a longer chunk helps. */
const MOST_READS = 2;

const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/**
 * Plans a job.
 *
 * @returns the plan, or why the device cannot do it, a clause
 */
export function planJob(facts: WeightFacts, limits: DeviceLimits): Plan | string {
  const { shape, order, terms, pattern } = facts;
  const elements = shape.out * shape.in;
  if (elements >= 2 ** 32) return `it has ${elements} elements, kernels count to ${2 ** 32 - 1}`;
  if (pattern.kind === "n:m" && pattern.permute) return "chosen groups are found on the cpu";
  if (pattern.kind === "n:m" && pattern.of > LARGEST_GROUP)
    return `groups of ${pattern.of} do not fit in registers, at most ${LARGEST_GROUP} do`;
  const rule: Plan["rule"] = pattern.kind === "n:m" ? "group" : pattern.scope;
  const [threads, available] = [
    rule === "matrix" ? MATRIX_THREADS : ROW_THREADS,
    limits.maxComputeInvocationsPerWorkgroup,
  ];
  if (threads > available)
    return `workgroups have ${threads} threads, the device runs ${available} (maxComputeInvocationsPerWorkgroup)`;
  const size = terms.window === 0 ? null : terms.size;
  const group = pattern.kind === "n:m" ? { keep: pattern.keep, size: pattern.of } : null;
  const workgroup = workgroupOf(size, group, order, limits);
  if (typeof workgroup === "string") return workgroup;
  const { strip, batch, step } = workgroup;
  const chunk = chunkOf(size, step, strip);
  const relative = terms.row !== 0 || terms.column !== 0;
  const kept = elements - prunedCount(pattern, shape);
  const inSlicesOf = (most: number): Plan => {
    const slices = slicesOf(shape.out, most, size === null ? 0 : (size - 1) / 2);
    const strips = slices.reduce((sum, { count }) => sum + Math.ceil(count / strip), 0);
    const plan = {
      ...{ facts, relative, size, rule, group, slices, strip, batch, chunk },
      keepCount: rule === "row" ? kept / shape.out : kept,
      columnParts: relative ? slices.reduce((sum, { count }) => sum + columnPartsOf(count), 0) : 0,
      rowParts: relative ? Math.ceil(shape.in / ROW_PART) : 0,
      sumCount: rule === "group" ? strips * Math.ceil(shape.in / chunk) : shape.out,
      rowWords: Math.ceil(shape.in / 32),
    };
    return { ...plan, bytes: bytesOf(plan) };
  };
  return largestSlices(inSlicesOf, facts, limits);
}

/** Partial sums of a column that a slice makes. */
export const columnPartsOf = (count: number): number => Math.ceil(count / SUM_STRIP) * (SUM_STRIP / COLUMN_PART);

/** The shape of the score kernel's workgroups: the widest strip, then the longest batch, that fits workgroup memory. */
function workgroupOf(size: number | null, group: Plan["group"], order: StorageOrder, limits: DeviceLimits) {
  const { maxComputeWorkgroupStorageSize: most } = limits;
  const longest = size === null ? MOST_CHANNELS : MOST_CHANNELS_IN_WINDOW;
  const bytesOf = (strip: number, batch: number) => scoreBytes({ size, strip, batch, group, weight: { order } });
  for (const strip of STRIPS)
    for (let batch = longest; batch > 0; batch--) {
      const repeats = group === null || batch % group.size === 0 || group.size % batch === 0;
      // Without groups only powers of two: the batch divides the chunk.
      const divides = group !== null || 32 % batch === 0;
      if (repeats && divides && bytesOf(strip, batch) <= most) return { strip, batch, step: stepOf({ batch, group }) };
    }
  return (
    `a window of ${size ?? 1} needs ${bytesOf(STRIPS[1], 1)} bytes of workgroup memory, ` +
    `the device has ${most} (maxComputeWorkgroupStorageSize)`
  );
}

/** A multiple of 32, the mask's words, and of the step. */
function chunkOf(size: number | null, step: number, strip: number): number {
  const unit = (32 * step) / greatestCommonDivisor(32, step);
  const wanted = size === null ? CHUNK : windowChunk(size - 1, strip);
  return Math.max(1, Math.floor(wanted / unit)) * unit;
}

/** The shortest chunk with which neighbours on both sides, of strip and chunk, cost no more than one more read. */
const windowChunk = (neighbours: number, strip: number): number =>
  CHUNKS_IN_WINDOW.find((chunk) => (1 + neighbours / strip) * (1 + neighbours / chunk) <= MOST_READS) ??
  (CHUNKS_IN_WINDOW.at(-1) as number);

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** The most workgroups along an axis that a kernel of the plan is launched with (`spread` parts longer rows of them). */
function workgroupsAlongAxis({ facts: { shape }, rule, slices, strip, chunk, rowWords }: Plan): number {
  const rows = rule === "group" ? mostOf(slices, "count") : shape.out;
  const channels = Math.ceil(shape.in / Math.min(chunk, ROW_PART));
  return Math.max(Math.ceil(rows / strip), channels, rule === "group" ? 0 : rowWords);
}

/** Parts the output rows, each slice with `half` neighbours on both sides. */
function slicesOf(out: number, most: number, half: number): Slice[] {
  const slices: Slice[] = [];
  for (let first = 0; first < out; first += most) {
    const end = Math.min(out, first + most);
    const loadFirst = Math.max(0, first - half);
    slices.push({ first, count: end - first, loadFirst, loadCount: Math.min(out, end + half) - loadFirst });
  }
  return slices;
}

/** The plan with the largest slices whose buffers the device binds and holds, or why there is none. */
function largestSlices(inSlicesOf: (rows: number) => Plan, { shape }: WeightFacts, limits: DeviceLimits) {
  const { memory, sliceRows, maxBufferSize } = limits;
  const binding = Math.min(limits.maxStorageBufferBindingSize, maxBufferSize);
  const isBound = ({ bytes }: Plan) => Math.max(bytes.weight, bytes.scores) <= binding;
  const rows = mostRows(shape.out, (most) => {
    if (most > sliceRows) return false;
    const plan = inSlicesOf(most);
    return isBound(plan) && heldBytes(plan, maxBufferSize) <= memory;
  });
  const plan = inSlicesOf(Math.max(1, rows));
  const { bytes, rule, slices } = plan;
  const scores = 4 * shape.out * shape.in;
  if (rule === "matrix" && scores > memory)
    return `the scores of the matrix take ${mib(scores)}, of ${mib(memory)} that all buffers may take (option memory)`;
  if (rows === 0 && !isBound(plan)) {
    const [larger, loaded] = [Math.max(bytes.weight, bytes.scores), mostOf(slices, "loadCount")];
    return (
      `one output row with ${loaded - 1} neighbours takes ${larger} bytes, ` +
      `the device binds ${binding} (maxStorageBufferBindingSize)`
    );
  }
  if (rows === 0) {
    // Slices of less than a strip take no less: each has partial sums of its own.
    const few = Math.min(shape.out, STRIPS[0]);
    const held = heldBytes(inSlicesOf(few), maxBufferSize);
    return `in slices of ${few} output rows its buffers take ${mib(held)}, of ${mib(memory)} they may (option memory)`;
  }
  for (const [name, size] of Object.entries(bytes))
    if (size > binding)
      return `its ${name} takes ${mib(size)}, the device binds ${mib(binding)} (maxStorageBufferBindingSize)`;
  const [launched, along] = [workgroupsAlongAxis(plan), limits.maxComputeWorkgroupsPerDimension];
  if (launched > along)
    return `it takes ${launched} workgroups along an axis, the device runs ${along} (maxComputeWorkgroupsPerDimension)`;
  return plan;
}

/** The most rows that fit: all, or a multiple of a strip where one fits, so that strips are full. */
function mostRows(all: number, fits: (rows: number) => boolean): number {
  if (fits(all)) return all;
  let [low, high] = [0, all];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low >= STRIPS[0] ? low - (low % STRIPS[0]) : low;
}
