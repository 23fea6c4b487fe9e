/** Zeros in weights that are stored as affine codes: in each group, the code of its zero. */
import type { Mask } from "../pattern/index.js";
import type { AffineCoding, CodeBits } from "../tensor/coding.js";

/** What a byte of codes is looked up in. */
interface ByteTables {
  /** Bits of a byte that stay, by the mask bits of its codes. */
  readonly kept: Uint8Array;
  /** Codes in a byte that are 0. */
  readonly zeroCodes: Uint8Array;
}

const TABLES = { 2: tablesOf(2), 4: tablesOf(4), 8: tablesOf(8) } as const satisfies Record<CodeBits, ByteTables>;

function tablesOf(bits: CodeBits): ByteTables {
  const codes = Array.from({ length: 8 / bits }, (_, code) => code * bits);
  const codeMask = 2 ** bits - 1;
  const sum = (of: (shift: number, code: number) => number) =>
    codes.reduce((total, shift, c) => total + of(shift, c), 0);
  return {
    kept: Uint8Array.from({ length: 2 ** codes.length }, (_, mask) =>
      sum((shift, code) => ((mask >> code) & 1) * (codeMask << shift)),
    ),
    zeroCodes: Uint8Array.from({ length: 256 }, (_, byte) =>
      sum((shift) => Number(((byte >> shift) & codeMask) === 0)),
    ),
  };
}

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
  const { bits, rowElements, rowGroup, scales, zeros } = coding;
  const codeMask = 2 ** bits - 1;
  // A row whose groups do not differ in what is zero is one run of codes.
  const isUniform = typeof zeros === "number" && !scales.includes(0);
  const columnGroup = isUniform ? columns : coding.columnGroup;
  const groups = Math.ceil(columns / columnGroup);
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const firstGroup = Math.floor(row / rowGroup) * groups;
    for (let group = 0; group < groups; group++) {
      const zero = (typeof zeros === "number" ? zeros : (zeros[firstGroup + group] as number)) & codeMask;
      const start = group * columnGroup;
      const size = Math.min(columnGroup, columns - start);
      const at = row * rowElements + start;
      const zeroCodes = zeroRun(stored, bits, zero, mask?.bits ?? null, at, row * columns + start, size);
      count += !isUniform && scales[firstGroup + group] === 0 ? size : zeroCodes;
    }
  }
  return count;
}

/**
 * A run of `size` codes that share a zero, from the code `at` on; `k` is the place of the first in the mask.
 *
 * @returns codes that are `zero` now
 */
function zeroRun(
  stored: Uint8Array,
  bits: CodeBits,
  zero: number,
  mask: Uint8Array | null,
  at: number,
  k: number,
  size: number,
): number {
  const perByte = 8 / bits;
  const end = at + size;
  // Whole bytes whose mask bits lie in one byte, too; where rows do not begin so, code by code.
  const whole = at % perByte === 0 && k % perByte === 0 ? end - (end % perByte) : at;
  let count = zeroBytes(stored, bits, zero, mask, at / perByte, k, (whole - at) / perByte);
  const codeMask = 2 ** bits - 1;
  for (let element = whole, m = k + whole - at; element < end; element++, m++) {
    const place = Math.floor(element / perByte);
    const shift = (element % perByte) * bits;
    const byte = stored[place] as number;
    const stays = mask === null || (((mask[m >> 3] as number) >> (m & 7)) & 1) === 1;
    const code = stays ? (byte >> shift) & codeMask : zero;
    if (!stays) stored[place] = (byte & ~(codeMask << shift)) | (zero << shift);
    count += Number(code === zero);
  }
  return count;
}

/** The same for `length` bytes from `place` on, all of whose codes share a zero. */
function zeroBytes(
  stored: Uint8Array,
  bits: CodeBits,
  zero: number,
  mask: Uint8Array | null,
  place: number,
  k: number,
  length: number,
): number {
  const { kept, zeroCodes } = TABLES[bits];
  const perByte = 8 / bits;
  const lowBits = kept.length - 1;
  // The zero in every code of a byte: 255 is a one in every bit.
  const zeroByte = (255 / (2 ** bits - 1)) * zero;
  const end = place + length;
  let count = 0;
  if (mask === null) for (let b = place; b < end; b++) count += zeroCodes[(stored[b] as number) ^ zeroByte] as number;
  else
    for (let b = place, m = k; b < end; b++, m += perByte) {
      const stays = kept[((mask[m >> 3] as number) >> (m & 7)) & lowBits] as number;
      // What differs from the zero, where it stays.
      const rest = ((stored[b] as number) ^ zeroByte) & stays;
      stored[b] = rest ^ zeroByte;
      count += zeroCodes[rest] as number;
    }
  return count;
}
