/** Stored bytes of a slice of output rows, on their way to the device. */
import { bytesOfRows } from "../../tensor/codes.mjs";
import type { QuantisedCoding } from "../../tensor/coding.js";
import { storedDims } from "../../tensor/matrix.js";
import type { Plan, Slice } from "./plan.js";
import { alignedElements } from "./plan-bytes.js";

/** Where a slice's elements are in its buffer, in elements. */
export interface SliceLayout {
  readonly origin: number;
  readonly stride: number;
}

/** Bytes of a slice, and how a kernel finds an element in them. */
export interface SliceBytes extends SliceLayout {
  readonly bytes: Uint8Array;
}

/**
 * The bytes of a slice: the stored bytes themselves where it is the whole or whole stored rows, else parts of
 * all stored rows, gathered.
 */
export function bytesOfSlice(
  plan: Pick<Plan, "facts">,
  { loadFirst, loadCount }: Slice,
  stored: Uint8Array,
  coding: QuantisedCoding | null,
): SliceBytes {
  const { shape, order, elementBits: bits, rowElements } = plan.facts;
  const [rows, columns] = storedDims(shape, order);
  if (loadCount === shape.out) return { bytes: stored, origin: 0, stride: rowElements };
  if (order === "out-in") {
    const { start, end } =
      coding === null
        ? { start: (loadFirst * columns * bits) / 8, end: ((loadFirst + loadCount) * columns * bits) / 8 }
        : bytesOfRows(coding, columns, loadFirst, loadCount);
    const origin = (loadFirst * rowElements * bits - start * 8) / bits;
    return { bytes: stored.subarray(start, end), origin, stride: rowElements };
  }
  const stride = alignedElements(loadCount, bits);
  const rowBytes = (stride * bits) / 8;
  const bytes = new Uint8Array(rows * rowBytes);
  const highFirst = coding?.kind === "table";
  for (let row = 0; row < rows; row++)
    copyBits(bytes, row * rowBytes, rowBytes, stored, (row * rowElements + loadFirst) * bits, highFirst);
  return { bytes, origin: 0, stride };
}

/** Copies bytes from any bit of the source; `highFirst` where the first element of a byte is in its high bits. */
function copyBits(
  target: Uint8Array,
  at: number,
  length: number,
  source: Uint8Array,
  sourceBit: number,
  highFirst: boolean,
): void {
  const start = Math.floor(sourceBit / 8);
  const shift = sourceBit % 8;
  if (shift === 0) {
    target.set(source.subarray(start, start + length), at);
    return;
  }
  for (let k = 0; k < length; k++) {
    const [here, next] = [source[start + k] as number, source[start + k + 1] ?? 0];
    target[at + k] = highFirst ? (here << shift) | (next >> (8 - shift)) : (here >> shift) | (next << (8 - shift));
  }
}

/** Writes bytes to a buffer: queues take whole words, so the last few go through a word of their own. */
export function writeBytes(
  queue: GPUQueue,
  buffer: GPUBuffer,
  { buffer: source, byteOffset, byteLength }: Uint8Array,
): void {
  const whole = byteLength - (byteLength % 4);
  if (whole > 0) queue.writeBuffer(buffer, 0, source as ArrayBuffer, byteOffset, whole);
  if (whole === byteLength) return;
  const last = new Uint8Array(4);
  last.set(new Uint8Array(source, byteOffset + whole, byteLength - whole));
  queue.writeBuffer(buffer, whole, last);
}
