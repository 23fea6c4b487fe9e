/**
 * Packing of N:M: every group of M elements along an axis has N slots, and a slot holds an element
 * and its place in the group, a code of ceil(log2 M) bits. Codes share bytes by planes: byte r holds
 * slots r, r + R, r + 2R, … (R bytes along the axis), so that unpacking them is a shift of whole
 * tensors and their concatenation.
 */
import { badPacking, type ElementBytes, wordsOf, zeroWord } from "./element.js";

/** How a tensor's elements fall into groups and slots. */
export interface SlotLayout {
  /** Product of the dims before the axis, and of those after it. */
  readonly outer: number;
  readonly inner: number;
  /** Groups along the axis. */
  readonly groups: number;
  readonly keep: number;
  readonly of: number;
  /** Bits of a code, and codes in a byte. */
  readonly bits: number;
  readonly perByte: number;
}

/**
 * The layout of a tensor.
 *
 * @param dims of the tensor; `of` divides that of `axis`
 * @returns null where slots do not fill whole bytes
 */
export function slotLayout(dims: readonly number[], axis: number, keep: number, of: number): SlotLayout | null {
  const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
  const bits = Math.ceil(Math.log2(of));
  const perByte = Math.floor(8 / bits);
  const groups = (dims[axis] ?? 0) / of;
  if (!Number.isInteger(groups) || bits === 0 || perByte === 0 || (groups * keep) % perByte !== 0) return null;
  return { outer: product(dims.slice(0, axis)), inner: product(dims.slice(axis + 1)), groups, keep, of, bits, perByte };
}

/** Bytes of the codes. */
export function codeBytes({ outer, inner, groups, keep, perByte }: SlotLayout): number {
  return (outer * inner * groups * keep) / perByte;
}

/** Elements and codes of the slots of a tensor. */
export interface Slots {
  /** [outer, groups · keep, inner] elements. */
  readonly values: Uint8Array;
  /** [outer, groups · keep / perByte, inner] bytes. */
  readonly codes: Uint8Array;
}

/**
 * The elements of the slots.
 *
 * @param stored the tensor's bytes, [outer, groups · of, inner]
 * @param mask one bit an element in the same order; keeps exactly `keep` of every group
 * @returns [outer, groups · keep, inner] elements
 */
export function slotValues(
  stored: Uint8Array,
  mask: Uint8Array,
  layout: SlotLayout,
  elementBytes: ElementBytes,
): Uint8Array<ArrayBuffer> {
  const { outer, inner, groups, keep } = layout;
  const bytes = new Uint8Array(outer * groups * keep * inner * elementBytes);
  const from = wordsOf(stored, elementBytes);
  const to = wordsOf(bytes, elementBytes);
  eachSlot(mask, layout, (o, slot, i, _, k) => {
    to[(o * groups * keep + slot) * inner + i] = from[k] as number;
  });
  return bytes;
}

/**
 * The places of the slots' elements in their groups.
 *
 * @param mask as for {@link slotValues}
 * @returns [outer, groups · keep / perByte, inner] bytes
 */
export function slotCodes(mask: Uint8Array, layout: SlotLayout): Uint8Array<ArrayBuffer> {
  const { outer, inner, groups, keep, bits, perByte } = layout;
  const rows = (groups * keep) / perByte;
  const codes = new Uint8Array(outer * rows * inner);
  eachSlot(mask, layout, (o, slot, i, place) => {
    const byte = (o * rows + (slot % rows)) * inner + i;
    codes[byte] = (codes[byte] as number) | (place << (bits * Math.floor(slot / rows)));
  });
  return codes;
}

/** @param visit hears of every kept element k of the tensor, which is element `place` of its group */
function eachSlot(
  mask: Uint8Array,
  { outer, inner, groups, keep, of }: SlotLayout,
  visit: (o: number, slot: number, i: number, place: number, k: number) => void,
): void {
  const filled = new Uint8Array(inner);
  for (let o = 0; o < outer; o++)
    for (let g = 0; g < groups; g++) {
      filled.fill(0);
      for (let place = 0; place < of; place++)
        for (let i = 0, k = ((o * groups + g) * of + place) * inner; i < inner; i++, k++) {
          if ((((mask[k >> 3] as number) >> (k & 7)) & 1) === 0) continue;
          const nth = filled[i] as number;
          filled[i] = nth + 1;
          if (nth < keep) visit(o, g * keep + nth, i, place, k);
        }
      const wrong = filled.find((count) => count !== keep);
      if (wrong !== undefined) throw new TypeError(`a group of ${of} keeps ${wrong}, not ${keep}`);
    }
}

/**
 * The tensor's bytes again.
 *
 * @param zero bytes of the element that stands for zero
 * @throws PruneError `bad-model` where codes of a group do not ascend below `of`, or lengths disagree
 */
export function unpackSlots(
  { values, codes }: Slots,
  layout: SlotLayout,
  zero: Uint8Array,
  elementBytes: ElementBytes,
  weight: string,
): Uint8Array<ArrayBuffer> {
  const { outer, inner, groups, keep, of, bits, perByte } = layout;
  const slots = groups * keep;
  const rows = slots / perByte;
  const expected = outer * slots * inner * elementBytes;
  if (values.length !== expected) throw badPacking(weight, `${expected} bytes of values`, `${values.length}`);
  if (codes.length !== outer * rows * inner)
    throw badPacking(weight, `${outer * rows * inner} bytes of codes`, `${codes.length}`);
  const bytes = new Uint8Array(outer * groups * of * inner * elementBytes);
  const from = wordsOf(values, elementBytes);
  const to = wordsOf(bytes, elementBytes).fill(zeroWord(zero, elementBytes));
  const largest = 2 ** bits - 1;
  const last = new Int16Array(inner);
  for (let o = 0; o < outer; o++)
    for (let slot = 0; slot < slots; slot++) {
      if (slot % keep === 0) last.fill(-1);
      const shift = bits * Math.floor(slot / rows);
      const codeRow = (o * rows + (slot % rows)) * inner;
      const groupRow = (o * groups + Math.floor(slot / keep)) * of;
      const slotRow = (o * slots + slot) * inner;
      for (let i = 0; i < inner; i++) {
        const code = ((codes[codeRow + i] as number) >> shift) & largest;
        if (code <= (last[i] as number) || code >= of)
          throw badPacking(weight, `places in a group of ${of} that ascend`, `${code} after ${last[i]}`);
        last[i] = code;
        to[(groupRow + code) * inner + i] = from[slotRow + i] as number;
      }
    }
  return bytes;
}
