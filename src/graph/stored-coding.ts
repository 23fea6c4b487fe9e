/**
 * How a weight is stored, as its file says it: the coding with its scales and zeros still unread tensors.
 * `resolveCoding` reads them, when the weight's own bytes are read.
 */
import { DATA_TYPES, type OnnxTensor } from "../onnx/index.js";
import type { AffineCoding, CodeBits, CodeTable, FloatCoding, TableCoding } from "../tensor/coding.js";
import { BYTES_PER_ELEMENT, type FloatType } from "../tensor/dtypes.js";
import { type Shape, type StorageOrder, storedDims } from "../tensor/matrix.js";

/** Where the codes of the value 0 are. */
export type StoredZeros =
  /** Codes like those of the weight, packed low bits first; `rowElements` codes a row of groups, padding included. */
  | { readonly kind: "codes"; readonly tensor: OnnxTensor; readonly rowElements: number }
  /** Floats; only whole numbers have a code. */
  | { readonly kind: "floats"; readonly tensor: OnnxTensor };

/** `AffineCoding` before its scales and zeros are read. */
export interface StoredAffineCoding extends Omit<AffineCoding, "scales" | "zeros"> {
  readonly scales: OnnxTensor;
  readonly zeros: number | StoredZeros;
}

/** `TableCoding` before its scales are read. */
export interface StoredTableCoding extends Pick<TableCoding, "kind" | "blockElements"> {
  readonly table: CodeTable;
  readonly scales: OnnxTensor;
}

export type StoredCoding = FloatCoding | StoredAffineCoding | StoredTableCoding;

/** Groups of an affine coding along the stored rows and columns. */
export function groupDims(
  { rowGroup, columnGroup }: Pick<StoredAffineCoding, "rowGroup" | "columnGroup">,
  [rows, columns]: readonly [rows: number, columns: number],
): readonly [rows: number, columns: number] {
  return [Math.ceil(rows / rowGroup), Math.ceil(columns / columnGroup)];
}

/** The tensors that give a weight's codes their values: parts of the weight, and no weights themselves. */
export function partsOf(coding: StoredCoding): readonly OnnxTensor[] {
  if (coding.kind === "float") return [];
  const zeros = coding.kind === "affine" && typeof coding.zeros === "object" ? [coding.zeros.tensor] : [];
  return [coding.scales, ...zeros];
}

/** Whether two readers of the same bytes take them for the same values. */
export function isSameCoding(a: StoredCoding, b: StoredCoding): boolean {
  // Tensors are one object each, so numbers in their place are enough to compare by.
  const tensors = [...new Set([...partsOf(a), ...partsOf(b)])];
  const plain = (coding: StoredCoding) =>
    JSON.stringify(coding, (_, value) => (tensors.includes(value) ? tensors.indexOf(value) : value));
  return plain(a) === plain(b);
}

/** `float16`, `uint4 in blocks of 32`, `int8 by output row`, `nf4 in blocks of 64`: for reports. */
export function describeCoding(coding: StoredCoding, shape: Shape, order: StorageOrder): string {
  if (coding.kind === "float") return coding.dtype;
  if (coding.kind === "table") return `${coding.table} in blocks of ${coding.blockElements}`;
  const { bits, signed, rowGroup, columnGroup } = coding;
  const type = `${signed ? "int" : "uint"}${bits}`;
  const dims = storedDims(shape, order);
  const [groupRows, groupColumns] = groupDims(coding, dims);
  if (groupRows === 1 && groupColumns === 1) return type;
  const byRow = rowGroup === 1 && groupColumns === 1;
  const byColumn = columnGroup === 1 && groupRows === 1;
  if (byRow || byColumn) return `${type} by ${byRow === (order === "out-in") ? "output row" : "input channel"}`;
  return `${type} in blocks of ${rowGroup * columnGroup}`;
}

/** A coding as plain data, for reports. */
export interface CodingFacts {
  /** Of one weight. */
  readonly bits: number;
  /** Weights that share a scale; null for floats, and where all of the tensor share one. */
  readonly blockSize: number | null;
  /**
   * What stands for 0: the code, where all weights have the same; codes of their own for every group (`"codes"`), or
   * floats that are rounded to such (`"floats"`); null for floats and for types whose codes are looked up.
   */
  readonly zeroPoint: number | "codes" | "floats" | null;
}

/** What a coding is, without reading a tensor. */
export function codingFacts(coding: StoredCoding, shape: Shape, order: StorageOrder): CodingFacts {
  switch (coding.kind) {
    case "float":
      return { bits: 8 * BYTES_PER_ELEMENT[coding.dtype], blockSize: null, zeroPoint: null };
    case "table":
      return { bits: 4, blockSize: coding.blockElements, zeroPoint: null };
    case "affine": {
      const [rows, columns] = storedDims(shape, order);
      const inGroup = Math.min(coding.rowGroup, rows) * Math.min(coding.columnGroup, columns);
      return {
        bits: coding.bits,
        blockSize: inGroup < rows * columns ? inGroup : null,
        zeroPoint: typeof coding.zeros === "number" ? coding.zeros : coding.zeros.kind,
      };
    }
    default:
      return coding satisfies never;
  }
}

/** The coding of elements of an integer type, as far as codes can be written: 2, 4 and 8 bits; else null. */
export function codeTypeOf(dataType: number): { readonly bits: CodeBits; readonly signed: boolean } | null {
  const [, unsigned, bits] = /^(u?)int([248])$/.exec(typeName(dataType)) ?? [];
  return bits === undefined ? null : { bits: Number(bits) as CodeBits, signed: unsigned === "" };
}

/** Elements of a tensor. */
export function elementsOf({ dims }: Pick<OnnxTensor, "dims">): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** The float type of a TensorProto.DataType, undefined where a weight of it cannot be pruned. */
export function floatTypeOf(dataType: number): FloatType | undefined {
  const name = typeName(dataType);
  return name in BYTES_PER_ELEMENT ? (name as FloatType) : undefined;
}

/** `int8`, or `type 99` for what ONNX may add. */
export function typeName(dataType: number): string {
  return DATA_TYPES[dataType]?.name ?? `type ${dataType}`;
}
