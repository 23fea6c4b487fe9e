/**
 * One worker thread of the CPU device: brings stored bytes into the kernel's memory piece by piece,
 * runs the kernel and sends the mask back. Bytes in a file never pass the main thread.
 * Plain JavaScript, because Node starts this file itself: next to pool.ts in the source tree, next
 * to the bundle in dist (see pool.ts).
 *
 * Memory: |W| as float32, the scales and zeros of codes, for an unstructured pattern by matrix and for permuted N:M its scores as well
 * (another float32 per weight), the mask, and a few MB. It grows with the largest weight so far and is freed
 * with the thread.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
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

const kernel = /** @type {Kernel} */ (/** @type {unknown} */ (new WebAssembly.Instance(workerData.module).exports));

/** A file that cannot be read, or ends too early. */
class ReadError extends Error {}

/**
 * Copies stored bytes `start` … `start + target.length` to `target`.
 *
 * @typedef {(target: Uint8Array, start: number) => void} ReadBytes
 */

/**
 * Calls `use` with a reader of the job's bytes. The file is opened for this job alone: a path may
 * hold another file the next time.
 *
 * @param {WorkerJob["source"]} source
 * @param {(read: ReadBytes) => WorkerReply} use
 * @returns {WorkerReply}
 */
function withReader(source, use) {
  if (source.kind === "memory")
    return use((target, start) => target.set(source.bytes.subarray(start, start + target.length)));
  const file = openFile(source.path);
  try {
    return use((target, start) => readFully(file, target, source.byteOffset + start, source.path));
  } finally {
    closeSync(file);
  }
}

/** @param {string} path */
function openFile(path) {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new ReadError(`cannot open ${path}`, { cause });
  }
}

/**
 * @param {number} file
 * @param {Uint8Array} target
 * @param {number} position
 * @param {string} path
 */
function readFully(file, target, position, path) {
  for (let done = 0; done < target.length; ) {
    const count = readSync(file, target, done, target.length - done, position + done);
    if (count === 0) throw new ReadError(`${path} ends at byte ${position + done}`);
    done += count;
  }
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
 * @param {WorkerJob} job
 * @returns {WorkerReply}
 */
function answer(job) {
  try {
    return computeMask(job);
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    return { kind: cause instanceof ReadError ? "unreadable" : "failed", cause };
  }
}

parentPort?.on("message", (/** @type {WorkerJob} */ job) => {
  const reply = answer(job);
  parentPort?.postMessage(reply, reply.kind === "mask" ? [/** @type {ArrayBuffer} */ (reply.bits.buffer)] : []);
});
