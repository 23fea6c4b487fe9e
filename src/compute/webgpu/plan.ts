/**
 * How a weight is masked on a device with given limits: slices of output rows that fit its buffers, the
 * shape of the score kernel's workgroups, the sizes of all buffers. Numbers only, so that a device can say
 * beforehand what it cannot do, and so that traffic can be counted without running anything.
 */
import { type Pattern, prunedCount } from "../../pattern/index.js";
import type { ScoreTerms } from "../../score/index.js";
import { type Shape, type StorageOrder, storedDims } from "../../tensor/matrix.js";
import { scoreBytes, stepOf } from "./kernels/score.js";
import { COLUMN_PART, ROW_PART, SUM_STRIP } from "./kernels/sums.js";

/** What a device allows, in the words of WebGPU's limits, and how much of its memory may be used. */
export interface DeviceLimits {
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
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
  /** Bytes of a buffer that holds any slice, and of one that holds any slice's scores (0 for groups). */
  readonly sliceBytes: number;
  readonly scoreBytes: number;
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
  const size = terms.window === 0 ? null : terms.size;
  const group = pattern.kind === "n:m" ? { keep: pattern.keep, size: pattern.of } : null;
  const workgroup = workgroupOf(size, group, order, limits);
  if (typeof workgroup === "string") return workgroup;
  const rule = pattern.kind === "n:m" ? "group" : pattern.scope;
  const sliced = sliceWeight(facts, rule, size === null ? 0 : (size - 1) / 2, limits);
  if (typeof sliced === "string") return sliced;
  const { slices } = sliced;
  const { strip, batch, step } = workgroup;
  const chunk = chunkOf(size, step, strip);
  const relative = terms.row !== 0 || terms.column !== 0;
  const strips = slices.reduce((sum, { count }) => sum + Math.ceil(count / strip), 0);
  const kept = elements - prunedCount(pattern, shape);
  return {
    ...{ facts, relative, size, rule, group, slices, strip, batch, chunk },
    keepCount: rule === "row" ? kept / shape.out : kept,
    columnParts: relative ? slices.reduce((sum, { count }) => sum + columnPartsOf(count), 0) : 0,
    rowParts: relative ? Math.ceil(shape.in / ROW_PART) : 0,
    sliceBytes: sliced.sliceBytes,
    scoreBytes: sliced.scoreBytes,
    sumCount: rule === "group" ? strips * Math.ceil(shape.in / chunk) : shape.out,
    rowWords: Math.ceil(shape.in / 32),
  };
}

/** Partial sums of a column that a slice makes. */
export const columnPartsOf = (count: number): number => Math.ceil(count / SUM_STRIP) * (SUM_STRIP / COLUMN_PART);

/** Slices per strip of the score kernel's workgroups fits: the widest strip, then the longest batch that fits. */
function workgroupOf(size: number | null, group: Plan["group"], order: StorageOrder, limits: DeviceLimits) {
  const { maxComputeWorkgroupStorageSize: most, maxComputeInvocationsPerWorkgroup: threads } = limits;
  const longest = size === null ? MOST_CHANNELS : MOST_CHANNELS_IN_WINDOW;
  const bytesOf = (strip: number, batch: number) => scoreBytes({ size, strip, batch, group, weight: { order } });
  for (const strip of STRIPS)
    for (let batch = longest; batch > 0 && strip <= threads; batch--) {
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

/** Bytes of one output row where it is part of a slice, rounded up to what a copy of a few rows may add. */
function sliceWeight(facts: WeightFacts, rule: Plan["rule"], half: number, limits: DeviceLimits) {
  const { shape, order, elementBits, rowElements } = facts;
  const { memory, sliceRows } = limits;
  const binding = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const [storedRows] = storedDims(shape, order);
  // The parts of stored rows that a slice takes begin with a byte each, and the whole with a word.
  const loaded = (rows: number) =>
    rows === shape.out
      ? Math.ceil((storedRows * rowElements * elementBits) / 32) * 4
      : order === "out-in"
        ? Math.ceil((rows * rowElements * elementBits) / 32) * 4 + 4
        : Math.ceil((shape.in * alignedElements(rows, elementBits) * elementBits) / 32) * 4;
  const scored = (rows: number) => (rule === "group" ? 0 : rows * shape.in * 4);
  // Half of the memory is for the weight, half for its scores.
  const most = Math.min(binding, memory / 2);
  const fits = (rows: number) =>
    rows <= sliceRows &&
    loaded(Math.min(shape.out, rows + (rows < shape.out ? 2 * half : 0))) <= most &&
    scored(rows) <= most;
  const total = rule === "matrix" ? scored(shape.out) : 0;
  if (total > memory / 2)
    return `the scores of the matrix take ${mib(total)}, of ${mib(memory / 2)} that they may take (option memory)`;
  const masked = Math.ceil((shape.out * shape.in) / 8);
  if (masked > binding)
    return `its mask takes ${mib(masked)}, the device binds ${mib(binding)} (maxStorageBufferBindingSize)`;
  const rows = mostRows(shape.out, fits);
  if (rows === 0)
    return (
      `one output row with ${2 * half} neighbours takes ${loaded(1 + 2 * half)} bytes, ` +
      `the device binds ${binding} (maxStorageBufferBindingSize), and ${Math.floor(memory / 2)} may be taken (option memory)`
    );
  const slices: Slice[] = [];
  for (let first = 0; first < shape.out; first += rows) {
    const end = Math.min(shape.out, first + rows);
    const loadFirst = Math.max(0, first - half);
    slices.push({ first, count: end - first, loadFirst, loadCount: Math.min(shape.out, end + half) - loadFirst });
  }
  return {
    slices,
    sliceBytes: Math.max(...slices.map(({ loadCount }) => loaded(loadCount))),
    scoreBytes: Math.max(...slices.map(({ count }) => scored(count))),
  };
}

/** Elements of a part of a stored row whose length is whole bytes. */
export const alignedElements = (elements: number, bits: number): number => {
  const perByte = Math.max(1, 8 / bits);
  return Math.ceil(elements / perByte) * perByte;
};

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
