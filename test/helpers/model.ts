/**
 * Builds tiny ONNX models for tests, so that no fixture is downloaded and every test shows its
 * graph. Encoding is onnx-proto's: an implementation that shares no code with src/onnx, hence also
 * an oracle. It knows IR 8 and earlier; newer fields are added to its bytes by hand where a test
 * needs them.
 *
 *   modelBytes({
 *     inputs: [value("x", [1, 4])],
 *     nodes: [node("MatMul", ["x", "w"], ["y"])],
 *     initializers: [float32("w", [4, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
 *     outputs: [value("y", [1, 2])],
 *   })
 */
import { onnx } from "onnx-proto";

const TYPE = onnx.TensorProto.DataType;
/** Newer than the enumeration of onnx-proto, or easier to read as a word. */
export const DATA_TYPE = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10, bfloat16: 16 } as const;

export interface GraphSpec {
  readonly nodes?: readonly onnx.INodeProto[];
  readonly initializers?: readonly onnx.ITensorProto[];
  readonly inputs?: readonly onnx.IValueInfoProto[];
  readonly outputs?: readonly onnx.IValueInfoProto[];
  readonly valueInfo?: readonly onnx.IValueInfoProto[];
  /** "graph" unless told. */
  readonly name?: string;
}

export interface ModelSpec extends GraphSpec {
  /** Version of the default domain, 18 unless told. */
  readonly opset?: number;
  /** Versions of further domains, such as `{ "com.microsoft": 1 }`. */
  readonly domains?: Readonly<Record<string, number>>;
  readonly irVersion?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The bytes of a .onnx file. */
export function modelBytes(spec: ModelSpec): Uint8Array<ArrayBuffer> {
  const imports = Object.entries({ "": spec.opset ?? 18, ...spec.domains });
  const encoded = onnx.ModelProto.encode({
    irVersion: spec.irVersion ?? 8,
    producerName: "test",
    graph: graph(spec),
    opsetImport: imports.map(([domain, version]) => ({ domain, version })),
    metadataProps: Object.entries(spec.metadata ?? {}).map(([key, value]) => ({ key, value })),
  });
  // The encoder returns a part of a shared buffer; a copy has memory of its own.
  return new Uint8Array(encoded.finish());
}

/** A GraphProto, for `modelBytes` and for attributes that hold a graph (If, Loop). */
export function graph(spec: GraphSpec): onnx.IGraphProto {
  return {
    name: spec.name ?? "graph",
    node: [...(spec.nodes ?? [])],
    initializer: [...(spec.initializers ?? [])],
    input: [...(spec.inputs ?? [])],
    output: [...(spec.outputs ?? [])],
    valueInfo: [...(spec.valueInfo ?? [])],
  };
}

/** A graph input, output or value_info: a number is a known dimension, a string a symbol, null unknown. */
export function value(
  name: string,
  shape: readonly (number | string | null)[],
  elemType: number = DATA_TYPE.float32,
): onnx.IValueInfoProto {
  const dim = shape.map((size) =>
    size === null ? {} : typeof size === "string" ? { dimParam: size } : { dimValue: size },
  );
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/** Makes an attribute a float although its value is a whole number: `{ alpha: float(1) }`. */
export function float(number: number): { readonly float: number } {
  return { float: number };
}

/** A whole number is an int, any other a float, an array of numbers is ints; graphs come from `subgraph`. */
export type AttributeSpec =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly graph: GraphSpec }
  | { readonly tensor: onnx.ITensorProto };

/** A node; its name is `<opType>_<first output>` unless told. */
export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeSpec>> = {},
  options: { readonly name?: string; readonly domain?: string } = {},
): onnx.INodeProto {
  return {
    opType,
    input: [...inputs],
    output: [...outputs],
    name: options.name ?? `${opType}_${outputs[0] ?? ""}`,
    ...(options.domain === undefined ? {} : { domain: options.domain }),
    attribute: Object.entries(attributes).map(([name, spec]) => ({ name, ...attributeValue(spec) })),
  };
}

function attributeValue(spec: AttributeSpec): onnx.IAttributeProto {
  const kind = onnx.AttributeProto.AttributeType;
  if (typeof spec === "number")
    return Number.isInteger(spec) ? { type: kind.INT, i: spec } : { type: kind.FLOAT, f: spec };
  if (typeof spec === "string") return { type: kind.STRING, s: new TextEncoder().encode(spec) };
  if ("float" in spec) return { type: kind.FLOAT, f: spec.float };
  if ("graph" in spec) return { type: kind.GRAPH, g: graph(spec.graph) };
  if ("tensor" in spec) return { type: kind.TENSOR, t: spec.tensor };
  return { type: kind.INTS, ints: [...spec] };
}

/** A Constant node that holds a tensor; its output has the tensor's name. */
export function constant(tensor: onnx.ITensorProto): onnx.INodeProto {
  return node("Constant", [], [tensor.name ?? ""], { value: { tensor } });
}

/** An If node with two branches, graphs without inputs that see the names of the outer graph. */
export function ifNode(
  condition: string,
  outputs: readonly string[],
  thenBranch: GraphSpec,
  elseBranch: GraphSpec,
): onnx.INodeProto {
  return node("If", [condition], outputs, {
    then_branch: { graph: { name: "then", ...thenBranch } },
    else_branch: { graph: { name: "else", ...elseBranch } },
  });
}

// --- tensors ----------------------------------------------------------------------------------

/** Where a tensor's values go: raw_data, or the typed list that fits the type (float_data, int32_data, …). */
export type Storage = "raw" | "typed";

/** An initializer of any type from its little-endian bytes, in raw_data. */
export function rawTensor(
  name: string,
  dataType: number,
  dims: readonly number[],
  bytes: Uint8Array,
): onnx.ITensorProto {
  return { name, dataType, dims: [...dims], rawData: bytes };
}

export function float32(
  name: string,
  dims: readonly number[],
  values: ArrayLike<number>,
  storage: Storage = "raw",
): onnx.ITensorProto {
  if (storage === "typed") return { name, dataType: TYPE.FLOAT, dims: [...dims], floatData: Array.from(values) };
  return rawTensor(name, TYPE.FLOAT, dims, bytesOf(Float32Array.from(values)));
}

export function float16(
  name: string,
  dims: readonly number[],
  values: ArrayLike<number>,
  storage: Storage = "raw",
): onnx.ITensorProto {
  return halves(name, DATA_TYPE.float16, dims, Array.from(values, toFloat16Bits), storage);
}

export function bfloat16(
  name: string,
  dims: readonly number[],
  values: ArrayLike<number>,
  storage: Storage = "raw",
): onnx.ITensorProto {
  return halves(name, DATA_TYPE.bfloat16, dims, Array.from(values, toBfloat16Bits), storage);
}

function halves(
  name: string,
  dataType: number,
  dims: readonly number[],
  bits: readonly number[],
  storage: Storage,
): onnx.ITensorProto {
  if (storage === "typed") return { name, dataType, dims: [...dims], int32Data: [...bits] };
  return rawTensor(name, dataType, dims, bytesOf(Uint16Array.from(bits)));
}

export function int64(
  name: string,
  dims: readonly number[],
  values: readonly number[],
  storage: Storage = "raw",
): onnx.ITensorProto {
  if (storage === "typed") return { name, dataType: TYPE.INT64, dims: [...dims], int64Data: [...values] };
  return rawTensor(name, TYPE.INT64, dims, bytesOf(BigInt64Array.from(values, BigInt)));
}

export function uint8(name: string, dims: readonly number[], values: ArrayLike<number>): onnx.ITensorProto {
  return rawTensor(name, TYPE.UINT8, dims, Uint8Array.from(values));
}

export function int8(name: string, dims: readonly number[], values: ArrayLike<number>): onnx.ITensorProto {
  return rawTensor(name, TYPE.INT8, dims, bytesOf(Int8Array.from(values)));
}

export function int32(name: string, dims: readonly number[], values: ArrayLike<number>): onnx.ITensorProto {
  return rawTensor(name, TYPE.INT32, dims, bytesOf(Int32Array.from(values)));
}

/** The same tensor with its values in another file. `offset` and `length` are left out where undefined. */
export function external(
  tensor: onnx.ITensorProto,
  location: string,
  offset?: number,
  length?: number,
): onnx.ITensorProto {
  const entries = { location, offset, length };
  return {
    name: tensor.name ?? "",
    dataType: tensor.dataType ?? 0,
    dims: [...(tensor.dims ?? [])],
    dataLocation: onnx.TensorProto.DataLocation.EXTERNAL,
    externalData: Object.entries(entries)
      .filter(([, entry]) => entry !== undefined)
      .map(([key, entry]) => ({ key, value: String(entry) })),
  };
}

/** The bytes of a typed array, without a copy. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** float16 bits of a number, rounded to nearest, ties to even. */
export function toFloat16Bits(number: number): number {
  if (Number.isNaN(number)) return 0x7e00;
  const sign = number < 0 || Object.is(number, -0) ? 0x8000 : 0;
  const size = Math.abs(number);
  if (size >= 65520) return sign | 0x7c00;
  const exponent = size === 0 ? -14 : Math.max(-14, Math.floor(Math.log2(size)));
  // In units of the last place; a carry out of the mantissa runs into the exponent, as it should.
  const units = roundHalfEven(size / 2 ** (exponent - 10));
  return sign | (units < 1024 ? units : ((exponent + 15) << 10) + (units - 1024));
}

/** bfloat16 bits of a number: the upper half of its float32, rounded to nearest, ties to even. */
export function toBfloat16Bits(number: number): number {
  const bits = new Uint32Array(Float32Array.of(number).buffer)[0] ?? 0;
  if (Number.isNaN(number)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function roundHalfEven(number: number): number {
  const below = Math.floor(number);
  const rest = number - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
