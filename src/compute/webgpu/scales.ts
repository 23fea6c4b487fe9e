/** Codes of a weight as kernels take them: what is written into the shader, and the table of scales. */
import type { QuantisedCoding } from "../../tensor/coding.js";
import { BYTES_PER_ELEMENT, type FloatType } from "../../tensor/dtypes.js";
import type { Grouping, StoredForm } from "./kernels/weight.js";
import { binaryExponent, isExtreme, shiftFor } from "./range.js";

/** How elements are stored, for a plan. */
export interface ElementLayout {
  readonly elementBits: number;
  readonly rowElements: number;
  /** Bytes of the table of scales (`scaleTable`). */
  readonly scaleBytes: number;
}

/** Bits of an element and elements of a stored row of `columns`; what the scales take. */
export function elementLayout(coding: QuantisedCoding | null, dtype: FloatType, columns: number): ElementLayout {
  if (coding === null) return { elementBits: 8 * BYTES_PER_ELEMENT[dtype], rowElements: columns, scaleBytes: 0 };
  const scaleBytes = 8 * coding.scales.length;
  return coding.kind === "affine"
    ? { elementBits: coding.bits, rowElements: coding.rowElements, scaleBytes }
    : { elementBits: 4, rowElements: columns, scaleBytes };
}

/** What of the storage is written into a kernel; `rows` and `columns` are those of the storage. */
export function storedForm(
  coding: QuantisedCoding | null,
  dtype: FloatType,
  rows: number,
  columns: number,
): { readonly stored: StoredForm; readonly scaleColumns: number } {
  if (coding === null) return { stored: { kind: "float", dtype }, scaleColumns: 0 };
  if (coding.kind === "table")
    return {
      stored: { kind: "table", values: coding.values, blockElements: coding.blockElements },
      scaleColumns: columns,
    };
  const { bits, signed, rowGroup, columnGroup } = coding;
  const grouping = (size: number, all: number): Grouping => (size >= all ? "all" : size === 1 ? "each" : size);
  return {
    stored: { kind: "affine", bits, signed, rows: grouping(rowGroup, rows), columns: grouping(columnGroup, columns) },
    scaleColumns: Math.ceil(columns / columnGroup),
  };
}

/** Scales and zeros of a weight, moved into the range of float32's safe middle. */
export interface ScaleTable {
  /** Scale and zero of each group. */
  readonly pairs: Float32Array<ArrayBuffer>;
  /** The power of two by which the scales were multiplied. */
  readonly shift: number;
  /** Whether values may be NaN or Inf; their scales say no more than that. */
  readonly suspicious: boolean;
}

/** The table of scales, multiplied by a power of two where values could be extreme (range.ts). */
export function scaleTable(coding: QuantisedCoding): ScaleTable {
  const { scales } = coding;
  const zeros = coding.kind === "affine" ? coding.zeros : 0;
  const zeroOf = typeof zeros === "number" ? () => zeros : (group: number) => zeros[group] as number;
  const [least, most] = smallestAndLargest(coding);
  let [largest, smallest, suspicious] = [0, Number.POSITIVE_INFINITY, false];
  for (let group = 0; group < scales.length; group++) {
    const scale = Math.abs(scales[group] as number);
    const bound = scale * (most + Math.abs(zeroOf(group)));
    if (!(Math.fround(bound) < Number.POSITIVE_INFINITY)) suspicious = true;
    if (bound > largest) largest = bound;
    if (scale > 0 && scale < smallest) smallest = scale;
  }
  const shift = largest > 0 && isExtreme(largest, smallest * least) ? shiftFor(binaryExponent(largest)) : 0;
  const pairs = new Float32Array(2 * scales.length);
  for (let group = 0; group < scales.length; group++) {
    pairs[2 * group] = (scales[group] as number) * 2 ** shift;
    pairs[2 * group + 1] = zeroOf(group);
  }
  return { pairs, shift, suspicious };
}

/** Smallest positive and largest absolute value of a code without its zero: at least 1 apart from it. */
function smallestAndLargest(coding: QuantisedCoding): readonly [number, number] {
  if (coding.kind === "affine") return [1, 2 ** coding.bits];
  const positive = coding.values.map(Math.abs).filter((value) => value > 0);
  return [Math.min(...positive), Math.max(...positive)];
}
