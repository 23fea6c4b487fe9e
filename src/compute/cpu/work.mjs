/**
 * What a worker thread of the CPU device does, in Node (worker.mjs) and in browsers (web-worker.mjs) alike:
 * brings stored bytes into the kernel's memory piece by piece and runs the kernel. Plain JavaScript,
 * because Node starts worker.mjs itself, from the source tree as well.
 *
 * Memory: |W| as float32, the scales and zeros of codes, for an unstructured pattern by matrix and for permuted
 * N:M its scores as well (another float32 per weight), the mask, and a few MB. It grows with the largest weight
 * so far and is freed with the thread.
 */
import { bytesOfRows, decodeRows } from "../../tensor/codes.mjs";

/**
 * @typedef {import("./messages.js").WorkerJob} WorkerJob
 * @typedef {import("./messages.js").WorkerReply} WorkerReply
 * @typedef {import("./messages.js").Kernel} Kernel
 */

const PAGE_BYTES = 65536;
/** WebAssembly's 32-bit addresses. */
const MOST_BYTES = 2 ** 32 - PAGE_BYTES;

// The numbers of kernel/plan.ts.
const RULES = { group: 0, row: 1, matrix: 2, permuted: 3 };
const DTYPES = { float32: 0, float16: 1, bfloat16: 2 };
const NO_CODES = { bits: 0, signed: false, rowElements: 0, rowGroup: 1, columnGroup: 1 };

/** A file that cannot be read, or ends too early. */
export class ReadError extends Error {}

/** @type {Kernel} The thread's own. */
let kernel;

/**
 * Copies stored bytes `start` … `start + target.length` to `target`.
 *
 * @typedef {(target: Uint8Array, start: number) => void} ReadBytes
 */

/**
 * Opens the range of a file, calls `use` with its reader and closes the file.
 *
 * @typedef {(source: Extract<WorkerJob["source"], { kind: "file" }>, use: (read: ReadBytes) => WorkerReply) => WorkerReply} WithFile
 */

/** @type {WithFile} */
let withFile;

/**
 * Gets the thread ready, before its first job.
 *
 * @param {WebAssembly.Module} module the kernel
 * @param {WithFile} openFile how files are read here
 */
export function prepare(module, openFile) {
  kernel = /** @type {Kernel} */ (/** @type {unknown} */ (new WebAssembly.Instance(module).exports));
  withFile = openFile;
}

/**
 * Calls `use` with a reader of the job's bytes.
 *
 * @param {WorkerJob["source"]} source
 * @param {(read: ReadBytes) => WorkerReply} use
 * @returns {WorkerReply}
 */
function withReader(source, use) {
  if (source.kind === "file") return withFile(source, use);
  return use((target, start) => target.set(source.bytes.subarray(start, start + target.length)));
}

/**
 * Tells the kernel the job.
 *
 * @param {WorkerJob} job
 * @returns {number} bytes of memory that the job needs
 */
function plan({ shape, order, dtype, terms, selection, coding }) {
  const codes = coding?.kind === "affine" ? coding : NO_CODES;
  /** @type {Record<import("./messages.js").JobGlobal, number>} */
  const globals = {
    outputs: shape.out,
    inputs: shape.in,
    dtype: DTYPES[dtype],
    outputMajor: order === "out-in" ? 1 : 0,
    rowCoefficient: terms.row,
    columnCoefficient: terms.column,
    windowCoefficient: terms.window,
    oneCoefficient: terms.one,
    size: terms.size,
    rule: RULES[selection.rule],
    keepCount: selection.keepCount,
    groupSize: selection.groupSize,
    codeBits: codes.bits,
    signedCodes: Number(codes.signed),
    rowElements: codes.rowElements,
    rowGroup: codes.rowGroup,
    columnGroup: codes.columnGroup,
  };
  for (const name of /** @type {(keyof typeof globals)[]} */ (Object.keys(globals))) kernel[name].value = globals[name];
  return kernel.plan();
}

/**
 * @param {WorkerJob} job
 * @returns {WorkerReply}
 */
function computeMask(job) {
  const { shape } = job;
  const bytes = plan(job);
  if (bytes > MOST_BYTES) return { kind: "too-large", bytes };
  const missing = bytes - kernel.memory.buffer.byteLength;
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE_BYTES));
  new Float32Array(kernel.memory.buffer, kernel.factor.value, shape.in).set(job.channelFactor);
  return withReader(job.source, (read) => {
    convert(job, read);
    const count = kernel.limitRange();
    if (count > 0) return { kind: "not-finite", count, out: kernel.badOutput.value, in: kernel.badInput.value };
    const retained = kernel.mask();
    const maskBytes = Math.ceil((shape.out * shape.in) / 8);
    return { kind: "mask", bits: new Uint8Array(kernel.memory.buffer, kernel.bits.value, maskBytes).slice(), retained };
  });
}

/**
 * Fills the kernel's weight, a staging area of whole stored rows at a time.
 *
 * @param {WorkerJob} job
 * @param {ReadBytes} read
 */
function convert({ shape, order, dtype, coding }, read) {
  const [rows, columns] = order === "in-out" ? [shape.in, shape.out] : [shape.out, shape.in];
  const rowBytes = columns * (dtype === "float32" ? 4 : 2);
  if (coding?.kind === "affine") giveCoding(coding);
  kernel.startWeight();
  for (let first = 0; first < rows; first += kernel.stagingRows.value) {
    const count = Math.min(kernel.stagingRows.value, rows - first);
    const { buffer } = kernel.memory;
    if (coding === null) read(new Uint8Array(buffer, kernel.staging.value, count * rowBytes), first * rowBytes);
    else {
      const { start, end } = bytesOfRows(coding, columns, first, count);
      const isAffine = coding.kind === "affine";
      const codes = isAffine ? new Uint8Array(buffer, kernel.codes.value, end - start) : new Uint8Array(end - start);
      read(codes, start);
      if (isAffine) kernel.decodeRows(first, count);
      else {
        const values = new Float32Array(buffer, kernel.staging.value, count * columns);
        decodeRows(values, codes, coding, columns, first, count);
      }
    }
    kernel.convertRows(first, count);
  }
}

/**
 * Tells the kernel what affine codes stand for.
 *
 * @param {import("../../tensor/coding.js").AffineCoding} coding
 */
function giveCoding({ scales, zeros }) {
  const { buffer } = kernel.memory;
  new Float32Array(buffer, kernel.scales.value, scales.length).set(scales);
  const codes = new Int16Array(buffer, kernel.zeros.value, scales.length);
  if (typeof zeros === "number") codes.fill(zeros);
  else codes.set(zeros);
}

/**
 * The reply to a job, and what of it changes hands; never throws.
 *
 * @param {WorkerJob} job
 * @returns {{ reply: WorkerReply, transfer: ArrayBuffer[] }}
 */
export function answer(job) {
  try {
    const reply = computeMask(job);
    return { reply, transfer: reply.kind === "mask" ? [/** @type {ArrayBuffer} */ (reply.bits.buffer)] : [] };
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    return { reply: { kind: cause instanceof ReadError ? "unreadable" : "failed", cause }, transfer: [] };
  }
}
