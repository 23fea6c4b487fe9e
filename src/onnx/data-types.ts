/**
 * The element types of ONNX (TensorProto.DataType, IR version 13): their names, their size and the
 * typed list that may hold them instead of raw_data. Types below eight bits are stored packed.
 */
import { PruneError } from "../errors.js";

/** The repeated fields of TensorProto that hold values of a type where raw_data is not used. */
export type TypedList = "floatData" | "int32Data" | "int64Data" | "doubleData" | "uint64Data" | "stringData";

/** One element type. */
export interface DataType {
  readonly name: string;
  /** Bits of one element; 0 for strings, which have no fixed size. */
  readonly bits: number;
  readonly list: TypedList;
}

/** TensorProto.DataType by number. 0 (undefined) has no row. */
export const DATA_TYPES: Readonly<Record<number, DataType | undefined>> = {
  1: { name: "float32", bits: 32, list: "floatData" },
  2: { name: "uint8", bits: 8, list: "int32Data" },
  3: { name: "int8", bits: 8, list: "int32Data" },
  4: { name: "uint16", bits: 16, list: "int32Data" },
  5: { name: "int16", bits: 16, list: "int32Data" },
  6: { name: "int32", bits: 32, list: "int32Data" },
  7: { name: "int64", bits: 64, list: "int64Data" },
  8: { name: "string", bits: 0, list: "stringData" },
  9: { name: "bool", bits: 8, list: "int32Data" },
  10: { name: "float16", bits: 16, list: "int32Data" },
  11: { name: "float64", bits: 64, list: "doubleData" },
  12: { name: "uint32", bits: 32, list: "uint64Data" },
  13: { name: "uint64", bits: 64, list: "uint64Data" },
  14: { name: "complex64", bits: 64, list: "floatData" },
  15: { name: "complex128", bits: 128, list: "doubleData" },
  16: { name: "bfloat16", bits: 16, list: "int32Data" },
  17: { name: "float8e4m3fn", bits: 8, list: "int32Data" },
  18: { name: "float8e4m3fnuz", bits: 8, list: "int32Data" },
  19: { name: "float8e5m2", bits: 8, list: "int32Data" },
  20: { name: "float8e5m2fnuz", bits: 8, list: "int32Data" },
  21: { name: "uint4", bits: 4, list: "int32Data" },
  22: { name: "int4", bits: 4, list: "int32Data" },
  23: { name: "float4e2m1", bits: 4, list: "int32Data" },
  24: { name: "float8e8m0", bits: 8, list: "int32Data" },
  25: { name: "uint2", bits: 2, list: "int32Data" },
  26: { name: "int2", bits: 2, list: "int32Data" },
};

/**
 * Bytes that a tensor's values take as raw_data: elements times bits, rounded up to whole bytes.
 *
 * @param dataType TensorProto.DataType
 * @param dims sizes of the axes; none for a scalar
 * @throws PruneError `unsupported` for strings and for numbers that name no type;
 *   `bad-model` for a negative dimension or a size beyond 2^53
 */
export function byteLengthOf(dataType: number, dims: readonly number[]): number {
  const type = DATA_TYPES[dataType];
  if (type === undefined || type.bits === 0) {
    const found =
      type === undefined ? `data type ${dataType} is not in the ONNX specification` : "strings have no size";
    throw new PruneError("unsupported", `${found}; expected a numeric tensor type (1 … 26, not 8)`, {
      details: { dataType },
    });
  }
  // An empty axis makes the tensor empty however large the others are.
  const elements = dims.includes(0) ? 0 : dims.reduce((product, size) => product * size, 1);
  if (dims.some((size) => size < 0) || elements * type.bits > Number.MAX_SAFE_INTEGER) {
    throw new PruneError(
      "bad-model",
      `dimensions [${dims.join(", ")}] of type ${type.name} are negative or too large; expected a tensor below 2^53 bits`,
      { details: { dims: dims.map(String), dataType } },
    );
  }
  return Math.ceil((elements * type.bits) / 8);
}
