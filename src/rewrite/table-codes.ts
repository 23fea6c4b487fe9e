/** Zeros in weights whose 4-bit codes are looked up in a table: the code of zero is the same everywhere. */
import type { Mask } from "../pattern/index.js";
import type { TableCoding } from "../tensor/coding.js";

/**
 * Writes the code of zero where the mask has 0; scales and all other codes stay.
 *
 * @param stored the codes; they are changed
 * @param mask in the order of the storage; null: nothing is written
 * @param elements of the weight
 * @returns elements whose value is 0 now, those that were 0 before included
 */
export function zeroTableCodes(stored: Uint8Array, coding: TableCoding, mask: Mask | null, elements: number): number {
  const { values, zero, blockElements, scales } = coding;
  const isZero = values.map((value) => value === 0);
  const kept = mask?.bits;
  let count = 0;
  for (let k = 0; k < elements; k++) {
    const place = k >> 1;
    const shift = (k & 1) === 0 ? 4 : 0;
    const byte = stored[place] as number;
    const stays = kept === undefined || (((kept[k >> 3] as number) >> (k & 7)) & 1) === 1;
    const code = stays ? (byte >> shift) & 15 : zero;
    if (!stays) stored[place] = (byte & ~(15 << shift)) | (zero << shift);
    if (isZero[code] || scales[Math.floor(k / blockElements)] === 0) count++;
  }
  return count;
}
