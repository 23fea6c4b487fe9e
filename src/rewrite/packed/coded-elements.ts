/**
 * What packing must know of a weight's coding: whether two codes share a byte, and what stands for
 * zero. The values that codes have are none of its business.
 */
import { DATA_TYPES } from "../../onnx/index.js";
import type { AffineCoding, Coding } from "../../tensor/coding.js";
import { BYTES_PER_ELEMENT } from "../../tensor/dtypes.js";
import { type Shape, type StorageOrder, storedDims } from "../../tensor/matrix.js";
import { elementDims, type PackedWeight, type PackedZeros } from "./packed-weight.js";
import type { PairOrder } from "./pairs.js";

/** Elements of a weight as they are packed. */
export interface CodedElements extends Pick<PackedWeight, "pairs" | "zeros"> {
  /** The codes of zero, where they differ. */
  readonly zeroCodes?: Uint8Array;
}

/** A weight as the file holds it. */
export interface CodedWeight {
  readonly tensor: { readonly dataType: number; readonly dims: readonly number[] };
  readonly shape: Shape;
  readonly order: StorageOrder;
}

/** The elements of a weight, or in words why it cannot be packed. */
export function codedElements(weight: CodedWeight, coding: Coding): CodedElements | string {
  switch (coding.kind) {
    case "float":
      return { pairs: null, zeros: oneZero(new Uint8Array(BYTES_PER_ELEMENT[coding.dtype])) };
    case "table":
      return { pairs: "high-first", zeros: oneZero(Uint8Array.of(coding.zero)) };
    case "affine":
      return affineElements(weight, coding);
    default:
      return coding satisfies never;
  }
}

const oneZero = (bytes: Uint8Array): PackedZeros => ({ kind: "one", bytes });

function affineElements({ tensor, shape, order }: CodedWeight, coding: AffineCoding): CodedElements | string {
  const { bits, rowElements, zeros } = coding;
  const [rows, columns] = storedDims(shape, order);
  if (bits === 2) return "its codes of 2 bits are hardly longer than what would say where they belong";
  if (rowElements !== columns) return "its rows end in padding";
  const pairs: PairOrder | null = bits === 4 && DATA_TYPES[tensor.dataType]?.bits === 8 ? "low-first" : null;
  const [first] = typeof zeros === "number" ? [zeros] : zeros;
  if (typeof zeros === "number" || zeros.every((zero) => zero === first))
    return { pairs, zeros: oneZero(Uint8Array.of(first ?? 0)) };
  const dims = spreading(coding, [rows, columns], elementDims({ ...tensor, pairs }));
  if (DATA_TYPES[tensor.dataType]?.name !== "uint8" || dims === null)
    return "its zero points differ, in a layout for which there is no packing";
  return { pairs, zeros: { kind: "many", dims }, zeroCodes: Uint8Array.from(zeros) };
}

/** The shape in which codes of zero by group spread over the elements, or null where none does. */
function spreading(
  { rowGroup, columnGroup }: AffineCoding,
  [rows, columns]: readonly [number, number],
  elements: readonly number[],
): readonly number[] | null {
  const groups = [Math.ceil(rows / rowGroup), Math.ceil(columns / columnGroup)] as const;
  // MatMulNBits has an axis of its own for the blocks of a row.
  const [first, blocks, block] = elements;
  if (elements.length === 3 && rowGroup === 1 && first === rows && blocks === groups[1] && block === columnGroup)
    return [rows, groups[1], 1];
  const isMatrix = elements.length === 2 && first === rows && blocks === columns;
  const spreads = (own: number, size: number) => own === 1 || own === size;
  return isMatrix && spreads(groups[0], rows) && spreads(groups[1], columns) ? groups : null;
}
