/**
 * Packing of N:M: every group of M elements along an axis has N slots, and a slot holds an element
 * and its place in the group, a code of ceil(log2 M) bits. Codes share bytes by planes.
 */
import { badPacking, type ElementBytes, type Words, wordsOf } from "./element.js";
import { packPlanes } from "./planes.js";

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

/**
 * The elements of the slots.
 *
 * @param elements of the tensor, [outer, groups · of, inner]
 * @param mask one bit an element in the same order; keeps exactly `keep` of every group
 * @returns [outer, groups · keep, inner] elements
 */
export function slotValues(
  elements: Uint8Array,
  mask: Uint8Array,
  layout: SlotLayout,
  elementBytes: ElementBytes,
): Uint8Array<ArrayBuffer> {
  const { inner } = layout;
  const length = slotsOf(layout) * elementBytes;
  const bytes = new Uint8Array(length + inner * elementBytes);
  const from = wordsOf(elements, elementBytes);
  const to = wordsOf(bytes, elementBytes);
  eachRow(mask, layout, (k, slot, filled) => {
    for (let i = 0; i < inner; i++) to[slot + (filled[i] as number) * inner + i] = from[k + i] as number;
  });
  return bytes.subarray(0, length);
}

/**
 * The places of the slots' elements in their groups.
 *
 * @param mask as for {@link slotValues}
 * @returns [outer, groups · keep / perByte, inner] bytes
 */
export function slotCodes(mask: Uint8Array, layout: SlotLayout): Uint8Array<ArrayBuffer> {
  const { outer, inner, groups, keep, bits, perByte } = layout;
  const places = new Uint8Array(slotsOf(layout) + inner);
  eachRow(mask, layout, (_, slot, filled, place) => {
    for (let i = 0; i < inner; i++) places[slot + (filled[i] as number) * inner + i] = place;
  });
  return packPlanes(places, { outer, inner, rows: (groups * keep) / perByte, bits });
}

const slotsOf = ({ outer, inner, groups, keep }: SlotLayout): number => outer * groups * keep * inner;

/**
 * Goes through a tensor by rows of `inner` elements, which have one place in one group.
 *
 * @param visit is told the index of the row's first element, that of its group's first slot, how many
 *   slots each column of the group has filled, and the place. It writes every element to the next
 *   slot, kept or not: one that is not kept is overwritten by the next, in a full group by the next
 *   group's first. So there is no branch, and `inner` slots more than there are must be there to be written to.
 */
function eachRow(
  mask: Uint8Array,
  { outer, inner, groups, keep, of }: SlotLayout,
  visit: (k: number, slot: number, filled: Uint8Array, place: number) => void,
): void {
  const filled = new Uint8Array(inner);
  for (let group = 0; group < outer * groups; group++) {
    filled.fill(0);
    for (let place = 0; place < of; place++) {
      const first = (group * of + place) * inner;
      visit(first, group * keep * inner, filled, place);
      for (let i = 0, k = first; i < inner; i++, k++)
        filled[i] = (filled[i] as number) + (((mask[k >> 3] as number) >> (k & 7)) & 1);
    }
    for (const count of filled) if (count !== keep) throw new TypeError(`a group of ${of} keeps ${count}, not ${keep}`);
  }
}

/**
 * Puts the elements of the slots where they belong.
 *
 * @param values [outer, groups · keep, inner]
 * @param codes [outer, groups · keep / perByte, inner] bytes
 * @param elements of the tensor, which stay where no slot has its place
 * @param weight its name, for the error
 * @throws PruneError `bad-model` where codes of a group do not ascend below `of`, or lengths disagree
 */
export function unpackSlots(
  values: Words,
  codes: Uint8Array,
  layout: SlotLayout,
  elements: Words,
  weight: string,
): void {
  const { outer, inner, groups, keep, of, bits, perByte } = layout;
  const slots = groups * keep;
  const rows = slots / perByte;
  if (values.length !== outer * slots * inner)
    throw badPacking(weight, `${outer * slots * inner} values`, `${values.length}`);
  if (codes.length !== outer * rows * inner)
    throw badPacking(weight, `${outer * rows * inner} bytes of codes`, `${codes.length}`);
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
        elements[(groupRow + code) * inner + i] = values[slotRow + i] as number;
      }
    }
}
