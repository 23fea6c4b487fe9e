/**
 * From the value a layer multiplies with, back to the matrix in the file: through Identity, Cast
 * between float types, Transpose and DequantizeLinear, none of which changes which weights there are.
 * Zeros written into that matrix arrive at the layer as zeros.
 */
import type { OnnxTensor } from "../onnx/index.js";
import type { Shape, StorageOrder } from "../tensor/matrix.js";
import { behindIdentities, type Constants, isOverridable, isSparse, LONGEST_WAY, tensorOf } from "./constants.js";
import { dequantizedCoding, isDequantizer } from "./dequantize-linear.js";
import { floatTypeOf, type StoredCoding, typeName } from "./stored-coding.js";
import type { Node, Value } from "./types.js";
import { intAttribute, isContrib, isStandard } from "./walk.js";

/** A weight as the file holds it. */
export interface StoredWeight {
  readonly kind: "stored";
  /** The value that holds it: an initializer's, or a Constant node's output. */
  readonly source: Value;
  readonly tensor: OnnxTensor;
  readonly coding: StoredCoding;
  readonly shape: Shape;
  readonly order: StorageOrder;
}

/** A weight that lies in the file, yet cannot be pruned. */
export interface RefusedWeight {
  readonly kind: "refused";
  readonly source: Value;
  readonly reason: string;
}

const OVERRIDABLE = "can be overridden by an input of the model, so its values are not fixed";

/**
 * Finds the matrix behind a layer's weight.
 * @param value the weight as the layer reads it
 * @param order how the layer reads it: "in-out" as [in, out], "out-in" as [out, in]
 * @returns null where the value is an activation or a constant vector, which is no weight
 */
export function findWeight(
  value: Value,
  order: StorageOrder,
  constants: Constants,
): StoredWeight | RefusedWeight | null {
  const { source, transposes, dequantizer } = walkBack(value);
  const tensor = tensorOf(source);
  if (tensor === null) return computedWeight(value, source, constants);
  if (isVector(tensor.dims)) return null;

  const [rows, columns] = matrixDims(tensor.dims, transposes);
  const shown = `[${tensor.dims.join(", ")}]`;
  const refuse = (reason: string): RefusedWeight => ({ kind: "refused", source, reason });
  if (isOverridable(source)) return refuse(OVERRIDABLE);
  if (rows === undefined || columns === undefined) return refuse(`has shape ${shown}, not two dimensions`);
  if (rows < 1 || columns < 1) return refuse(`is empty: its shape is ${shown}`);
  if (rows === 1 || columns === 1) return refuse(`is a vector: its shape is ${shown}`);

  const coding = codingOf(tensor, dequantizer);
  if (typeof coding === "string") return refuse(coding);
  const stored = transposes % 2 === 0 ? order : order === "in-out" ? "out-in" : "in-out";
  const shape = stored === "in-out" ? { out: columns, in: rows } : { out: rows, in: columns };
  return { kind: "stored", source, tensor, coding, shape, order: stored };
}

/** How the matrix is stored, or why it cannot be pruned. */
function codingOf(tensor: OnnxTensor, dequantizer: Dequantizer | null): StoredCoding | string {
  if (dequantizer !== null) return dequantizedCoding(dequantizer.node, tensor, dequantizer.isTransposed);
  const dtype = floatTypeOf(tensor.dataType);
  if (dtype !== undefined) return { kind: "float", dtype };
  return `holds ${typeName(tensor.dataType)} values; only float32, float16 and bfloat16 are supported, and integers behind DequantizeLinear`;
}

/** A tensor that lies in the file, whatever its elements are. */
export interface StoredOperand {
  readonly kind: "operand";
  readonly source: Value;
  readonly tensor: OnnxTensor;
}

/**
 * Finds the tensor that an operator with a weight layout of its own reads.
 * @returns null where the value is an activation
 */
export function findOperand(value: Value, constants: Constants): StoredOperand | RefusedWeight | null {
  const source = behindIdentities(value);
  const tensor = tensorOf(source);
  if (tensor === null) return computedWeight(value, source, constants);
  return isOverridable(source) ? { kind: "refused", source, reason: OVERRIDABLE } : { kind: "operand", source, tensor };
}

/** Whether the node looks rows up in a table: an embedding. */
export function isLookup(node: Node): boolean {
  return isStandard(node, "Gather") || isContrib(node, "GatherBlockQuantized");
}

/**
 * Who reads a stored weight, looked for through Identity, Cast, Transpose, Reshape and DequantizeLinear: nodes, and an
 * output of a graph.
 */
export function readersOf(source: Value): { nodes: Set<Node>; output: Value | null } {
  const nodes = new Set<Node>();
  const copies = new Set([source]);
  let output: Value | null = null;
  // A set may grow while it is walked, and holds each value once.
  for (const value of copies) {
    if (value.isGraphOutput) output = value;
    for (const { node, index } of value.uses) {
      const handsOn = isPassThrough(node) || isDequantizer(node) || isStandard(node, "Reshape");
      if (handsOn && index === 0) for (const copy of node.outputs) copies.add(copy);
      else nodes.add(node);
    }
  }
  return { nodes, output };
}

/** Whether the node hands its first input on, with the same weights, perhaps transposed or in another float type. */
function isPassThrough(node: Node): boolean {
  if (isStandard(node, "Identity")) return true;
  if (isStandard(node, "Cast")) {
    const to = intAttribute(node, "to", 0);
    return floatTypeOf(to) !== undefined || typeName(to) === "float64";
  }
  if (!isStandard(node, "Transpose")) return false;
  const perm = node.onnx.attributes.find(({ name }) => name === "perm")?.ints.join();
  return perm === undefined || perm === "1,0";
}

/** A DequantizeLinear on the way to a weight, and whether it reads the stored matrix transposed. */
interface Dequantizer {
  readonly node: Node;
  readonly isTransposed: boolean;
}

function walkBack(value: Value): { source: Value; transposes: number; dequantizer: Dequantizer | null } {
  let source = value;
  let transposes = 0;
  let last: { readonly node: Node; readonly transposesBefore: number } | null = null;
  for (let steps = 0; source.producer !== null && steps < LONGEST_WAY; steps++) {
    const node = source.producer;
    const [from] = node.inputs;
    const dequantizes = last === null && isDequantizer(node);
    if (!from || !(dequantizes || isPassThrough(node))) break;
    if (dequantizes) last = { node, transposesBefore: transposes };
    if (isStandard(node, "Transpose")) transposes++;
    source = from;
  }
  const dequantizer = last && { node: last.node, isTransposed: (transposes - last.transposesBefore) % 2 === 1 };
  return { source, transposes, dequantizer };
}

/** The two dims of a matrix as stored. [1, K, N] counts as [K, N], because MatMul broadcasts it alike; else empty. */
function matrixDims(dims: readonly number[], transposes: number): readonly number[] {
  if (dims.length === 2) return dims;
  return dims.length === 3 && dims[0] === 1 && transposes === 0 ? dims.slice(1) : [];
}

/** One axis at most is longer than 1, and nobody called it a matrix: biases, scales, rotary frequencies [1, 32, 1]. */
function isVector(dims: readonly number[]): boolean {
  return dims.length !== 2 && dims.filter((dim) => dim !== 1).length <= 1;
}

/** A weight that is constant but not stored as it is read. */
function computedWeight(value: Value, source: Value, constants: Constants): RefusedWeight | null {
  const origin = constants.get(value);
  if (!origin) return null;
  const refuse = (reason: string): RefusedWeight => ({ kind: "refused", source: origin, reason });
  if (isSparse(origin)) return refuse("is a sparse initializer, which is not supported");
  if (isVector(tensorOf(origin)?.dims ?? [])) return null;
  const opType = source.producer?.onnx.opType;
  return refuse(`is computed by ${opType} from "${origin.name}", which is not supported yet`);
}
