/** Zeros in weights that are stored as affine codes: in each group, the code of its zero. */
import type { Mask } from "../pattern/index.js";
import type { AffineCoding } from "../tensor/coding.js";

/**
 * Writes the code of zero where the mask has 0; scales, padding and all other codes stay.
 *
 * @param stored the codes; they are changed
 * @param mask in the order of the storage; null: nothing is written
 * @param rows, columns of the storage
 * @returns elements whose value is 0 now, those that were 0 before included
 */
export function zeroAffineCodes(
  stored: Uint8Array,
  coding: AffineCoding,
  mask: Mask | null,
  [rows, columns]: readonly [rows: number, columns: number],
): number {
  const { bits, rowElements, rowGroup, columnGroup, scales, zeros } = coding;
  const perByte = 8 / bits;
  const byteShift = 3 - Math.log2(bits);
  const codeMask = 2 ** bits - 1;
  const groups = Math.ceil(columns / columnGroup);
  const kept = mask?.bits;
  let count = 0;
  for (let row = 0, k = 0; row < rows; row++) {
    const firstGroup = Math.floor(row / rowGroup) * groups;
    let at = row * rowElements;
    for (let group = 0; group < groups; group++) {
      const zero = (typeof zeros === "number" ? zeros : (zeros[firstGroup + group] as number)) & codeMask;
      const isAllZero = Number(scales[firstGroup + group] === 0);
      const size = Math.min(columnGroup, columns - group * columnGroup);
      for (const end = at + size; at < end; at++, k++) {
        const place = at >> byteShift;
        const shift = (at & (perByte - 1)) * bits;
        const byte = stored[place] as number;
        // −1 keeps all bits of a code, 0 none: which of the two comes is as good as random, so no branch. Nor below,
        // where the difference to zero, less one, is negative for zero only.
        const stays = kept === undefined ? -1 : -(((kept[k >> 3] as number) >> (k & 7)) & 1);
        const code = ((byte >> shift) & codeMask & stays) | (zero & ~stays);
        if (kept !== undefined) stored[place] = (byte & ~(codeMask << shift)) | (code << shift);
        count += (((code ^ zero) - 1) >>> 31) | isAllZero;
      }
    }
  }
  return count;
}
