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
  const isZero = Uint8Array.from(values, (value) => Number(value === 0));
  const kept = mask?.bits;
  let count = 0;
  for (let block = 0, k = 0; k < elements; block++) {
    const isAllZero = Number(scales[block] === 0);
    for (const end = Math.min(elements, (block + 1) * blockElements); k < end; k++) {
      const place = k >> 1;
      const shift = (k & 1) === 0 ? 4 : 0;
      const byte = stored[place] as number;
      // As for affine codes: no branch, because which of the two comes is as good as random.
      const stays = kept === undefined ? -1 : -(((kept[k >> 3] as number) >> (k & 7)) & 1);
      const code = ((byte >> shift) & 15 & stays) | (zero & ~stays);
      if (kept !== undefined) stored[place] = (byte & ~(15 << shift)) | (code << shift);
      count += (isZero[code] as number) | isAllZero;
    }
  }
  return count;
}
