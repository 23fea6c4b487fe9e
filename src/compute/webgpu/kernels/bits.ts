/**
 * Kept bits to the mask, in the storage order of the weight: bit k is stored element k, lowest bit of a
 * byte first. Threads are output rows and hold 32 input channels each as one word; for [in, out] the words
 * are turned, so that a word is 32 output rows of one channel.
 */
import type { StorageOrder } from "../../../tensor/matrix.js";
import type { Binding } from "./kernel.js";

/** Zeros at first. Atomic, because rows that are no multiple of 32 share words. */
export const MASK_BITS: Binding = { name: "bits", access: "read_write", type: "array<atomic<u32>>" };

/**
 * WGSL of `putWord(word, firstRow, channel, thread)`: all threads of the workgroup hand in their 32
 * channels from `channel` on. Rows `firstRow` … are those of the threads; the slice's end limits them.
 *
 * @param strip threads of the workgroup, a multiple of 32
 */
export const bitsCode = (
  order: StorageOrder,
  strip: number,
): string => `// Adds the lowest \`count\` bits of a word at any bit.
fn putBits(position: u32, word: u32, count: u32) {
  if (count == 0u) {
    return;
  }
  let kept = word & (0xffffffffu >> (32u - count));
  let at = position / 32u;
  let place = position % 32u;
  if (place == 0u && count == 32u) {
    atomicStore(&bits[at], kept);
    return;
  }
  atomicOr(&bits[at], kept << place);
  if (place + count > 32u) {
    atomicOr(&bits[at + 1u], kept >> (32u - place));
  }
}
${order === "in-out" ? turnedWords(strip) : STRAIGHT_WORDS}`;

const STRAIGHT_WORDS = `
fn putWord(word: u32, firstRow: u32, channel: u32, thread: u32) {
  let o = firstRow + thread;
  if (o < job.first + job.count && channel < job.inputs) {
    putBits(o * job.inputs + channel, word, min(32u, job.inputs - channel));
  }
}`;

const turnedWords = (strip: number): string => `
var<workgroup> words: array<u32, ${strip}>;

fn putWord(word: u32, firstRow: u32, channel: u32, thread: u32) {
  words[thread] = word;
  workgroupBarrier();
  let own = thread % 32u;
  let block = thread & ~31u;
  var turned = 0u;
  for (var r = 0u; r < 32u; r++) {
    turned |= ((words[block + r] >> own) & 1u) << r;
  }
  workgroupBarrier();
  let o = firstRow + block;
  let end = job.first + job.count;
  if (o < end && channel + own < job.inputs) {
    putBits((channel + own) * job.outputs + o, turned, min(32u, end - o));
  }
}`;

/** WGSL of `addUp(own, thread)`: sums of two numbers over a workgroup of \`threads\`, a power of two, as a tree. */
export const addUpCode = (threads: number): string => `var<workgroup> parts: array<vec2<f32>, ${threads}>;

fn addUp(own: vec2<f32>, thread: u32) -> vec2<f32> {
  parts[thread] = own;
  workgroupBarrier();
  for (var width = ${threads / 2}u; width > 0u; width /= 2u) {
    if (thread < width) {
      parts[thread] += parts[thread + width];
    }
    workgroupBarrier();
  }
  return parts[0];
}`;
