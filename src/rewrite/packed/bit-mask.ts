/**
 * Packing by a bit mask: one bit for each element in storage order, lowest bit of a byte first, and
 * the kept elements one after the other. It is within 0.1 bit a weight of the shortest code for an
 * unstructured mask at half sparsity, and it expands without looking back.
 */
import { countOnes } from "../../pattern/index.js";
import { badPacking, type ElementBytes, type Words, wordsOf } from "./element.js";

/**
 * The kept elements in storage order.
 *
 * @param elements of the weight
 * @param bits mask, one bit an element; 8 · bits.length elements
 * @param kept number of ones in `bits`
 */
export function packByMask(
  elements: Uint8Array,
  bits: Uint8Array,
  kept: number,
  elementBytes: ElementBytes,
): Uint8Array<ArrayBuffer> {
  const from = wordsOf(elements, elementBytes);
  // One element more: what is not kept is written as well, and overwritten by the next that is.
  const bytes = new Uint8Array((kept + 1) * elementBytes);
  const to = wordsOf(bytes, elementBytes);
  let at = 0;
  for (let k = 0; k < from.length; k++) {
    to[at] = from[k] as number;
    at += ((bits[k >> 3] as number) >> (k & 7)) & 1;
  }
  return bytes.subarray(0, kept * elementBytes);
}

/**
 * Puts the kept elements where they belong.
 *
 * @param values kept elements
 * @param elements 8 · bits.length of them, which stay where the mask has 0
 * @param weight its name, for the error
 * @throws PruneError `bad-model` where mask and values are not of one weight
 */
export function unpackByMask(values: Words, bits: Uint8Array, elements: Words, weight: string): void {
  const kept = countOnes(bits);
  if (kept !== values.length)
    throw badPacking(weight, `as many values as its mask has ones (${kept})`, `${values.length}`);
  let at = 0;
  let k = 0;
  // Without a branch, as far as a whole byte of the mask cannot reach past the last value.
  for (let b = 0; b < bits.length; b++, k += 8) {
    const byte = bits[b] as number;
    if (at + 8 > values.length) break;
    for (let j = 0; j < 8; j++) {
      const bit = (byte >> j) & 1;
      elements[k + j] = ((values[at] as number) & -bit) | ((elements[k + j] as number) & (bit - 1));
      at += bit;
    }
  }
  for (; k < elements.length; k++)
    if ((((bits[k >> 3] as number) >> (k & 7)) & 1) === 1) elements[k] = values[at++] as number;
}
