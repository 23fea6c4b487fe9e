/** Exact zeros in the place of pruned weights, on the GPU: nothing else of the stored floats changes. */
import type { FloatType } from "../../tensor/dtypes.js";
import { BYTES_PER_ELEMENT } from "../../tensor/dtypes.js";
import { APPLY_THREADS, applyKernel } from "./kernels/figures.js";
import { JOB_FIELDS, type JobValues, spread } from "./kernels/kernel.js";
import { writeBytes } from "./upload.js";
import type { Work } from "./work.js";

/** Elements of a piece are a multiple of this, so that its bits begin with a word. */
const PIECE = 1024;
const NO_JOB = Object.fromEntries(Object.keys(JOB_FIELDS).map((name) => [name, 0])) as JobValues;

/**
 * The stored bytes with zeros where the mask has 0.
 *
 * @param stored little-endian floats in the mask's storage order; not changed
 * @param bits the mask's
 * @param mostBytes of a buffer
 */
export async function applyMaskOn(
  work: Work,
  stored: Uint8Array,
  dtype: FloatType,
  bits: Uint8Array,
  mostBytes: number,
): Promise<Uint8Array> {
  const size = BYTES_PER_ELEMENT[dtype];
  const piece = Math.max(1, Math.floor(mostBytes / size / PIECE)) * PIECE;
  const masked = new Uint8Array(stored.byteLength);
  const weight = work.storage("weight", Math.ceil(Math.min(stored.byteLength, piece * size) / 4) * 4);
  const mask = work.storage("mask", Math.ceil(weight.bytes / size / 8));
  for (let element = 0; element * size < stored.byteLength; element += piece) {
    const bytes = stored.subarray(element * size, (element + piece) * size);
    const words = Math.ceil(bytes.byteLength / 4);
    const launch = {
      kernel: applyKernel(dtype),
      job: work.uniform({ ...NO_JOB, count: words }),
      buffers: { weight, bits: mask },
      workgroups: spread(Math.ceil(words / APPLY_THREADS)),
    };
    await work.send([launch], (queue) => {
      writeBytes(queue, weight.buffer, bytes);
      writeBytes(queue, mask.buffer, bits.subarray(element / 8, (element + piece) / 8));
    });
    const [zeroed] = await work.read([{ buffer: weight.buffer, bytes: bytes.byteLength }]);
    masked.set(zeroed as Uint8Array, element * size);
  }
  return masked;
}
