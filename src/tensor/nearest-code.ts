/** From values to codes: the nearest of those that a coding has, group by group. The way back from `codes.mjs`. */
import type { AffineCoding, QuantisedCoding, TableCoding } from "./coding.js";
import { type Shape, type StorageOrder, storedDims } from "./matrix.js";

/** What codes stand for in each group of elements that share a scale. */
export interface CodeBook {
  /** The code whose value is nearest, within the range that codes have; the code of zero where the scale is 0. */
  readonly codeFor: (value: number, group: number) => number;
  /** What a code stands for, before it is rounded to float32. */
  readonly valueFor: (code: number, group: number) => number;
  /** The code of the value 0. */
  readonly zeroFor: (group: number) => number;
}

/** The code book of a coding. Affine codes are numbers with a sign where the coding has one. */
export function codeBookOf(coding: QuantisedCoding): CodeBook {
  switch (coding.kind) {
    case "affine":
      return affineBook(coding);
    case "table":
      return tableBook(coding);
    default:
      return coding satisfies never;
  }
}

function affineBook({ bits, signed, scales, zeros }: AffineCoding): CodeBook {
  const least = signed ? -(2 ** (bits - 1)) : 0;
  const most = least + 2 ** bits - 1;
  const zeroFor = (group: number) => (typeof zeros === "number" ? zeros : (zeros[group] as number));
  return {
    zeroFor,
    valueFor: (code, group) => (scales[group] as number) * (code - zeroFor(group)),
    codeFor: (value, group) => {
      const scale = scales[group] as number;
      const zero = zeroFor(group);
      return scale === 0 ? zero : Math.max(least, Math.min(most, Math.round(value / scale) + zero));
    },
  };
}

function tableBook({ values, zero, scales }: TableCoding): CodeBook {
  // By value, so that the nearest lies between two midpoints; of equal values the code of zero, if it is among them.
  const codes = [...values.keys()].filter((code) => code === zero || values[code] !== 0);
  codes.sort((a, b) => (values[a] as number) - (values[b] as number));
  const sorted = codes.map((code) => values[code] as number);
  const midpoints = sorted.slice(1).map((value, k) => (value + (sorted[k] as number)) / 2);
  return {
    zeroFor: () => zero,
    valueFor: (code, group) => (scales[group] as number) * (values[code] as number),
    codeFor: (value, group) => {
      const scale = scales[group] as number;
      if (scale === 0) return zero;
      const wanted = value / scale;
      let above = 0;
      for (const midpoint of midpoints) above += Number(wanted > midpoint);
      return codes[above] as number;
    },
  };
}

/** Which group an element belongs to: element (row, column) of the storage of `shape`, rows and columns as stored. */
export function groupOf(
  coding: QuantisedCoding,
  weight: { readonly shape: Shape; readonly order: StorageOrder },
): (row: number, column: number) => number {
  const [, columns] = storedDims(weight.shape, weight.order);
  if (coding.kind === "table") {
    const { blockElements } = coding;
    return (row, column) => Math.floor((row * columns + column) / blockElements);
  }
  const { rowGroup, columnGroup } = coding;
  const groups = Math.ceil(columns / columnGroup);
  return (row, column) => Math.floor(row / rowGroup) * groups + Math.floor(column / columnGroup);
}
