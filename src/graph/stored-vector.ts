/**
 * Vectors that belong to a layer and lie in the file: biases and norm weights. Exporters store equal ones once
 * for many layers and hand them on through Identity or Cast, so each comes with all that read it.
 */
import { type OnnxTensor, readTensor } from "../onnx/index.js";
import type { FloatType } from "../tensor/dtypes.js";
import { floatsOf } from "../tensor/half.js";
import { isOverridable, LONGEST_WAY, tensorOf } from "./constants.js";
import { floatElementType } from "./element-type.js";
import type { Scalars } from "./scalars.js";
import { floatTypeOf } from "./stored-coding.js";
import type { Node, Use, Value } from "./types.js";
import { isStandard } from "./walk.js";

/** A vector that a node reads. */
export interface StoredVector {
  /** The node and which of its inputs the vector is. */
  readonly use: Use;
  readonly channels: number;
  /** The same numbers may be shown as [channels], [1, channels] or [channels, 1, 1]. */
  readonly tensor: OnnxTensor;
  readonly dtype: FloatType;
  /** What the graph adds to the stored numbers before the node reads them: 1 for norms that store w and multiply with 1 + w. */
  readonly offset: 0 | 1;
  /** Element type (TensorProto.DataType) in which the node reads it. */
  readonly elemType: number;
  /** All that reads the tensor, this use included; empty where it is an output of a graph as well, and so must stay. */
  readonly readers: readonly Use[];
}

/** What may stand around a vector. */
export interface VectorOptions {
  /** Axes of length 1 that stand behind the channels: the places of a convolution. */
  readonly trailing?: number;
  /** Numbers of the file, where an Add of 1 may stand between tensor and node. */
  readonly scalars?: Scalars;
}

/**
 * The vector that input `index` of a node always holds.
 *
 * @returns null where it is computed, can be overridden, has another shape, is no float32, float16 or bfloat16, or is
 *   read by another input of the node as well
 */
export function findVector(
  node: Node,
  index: number,
  channels: number,
  options: VectorOptions = {},
): StoredVector | null {
  const { trailing = 0, scalars = () => null } = options;
  const value = node.inputs[index];
  if (!value || node.inputs.filter((input) => input === value).length > 1) return null;
  const { source, offset } = walkBack(value, scalars);
  const tensor = isOverridable(source) ? null : tensorOf(source);
  const dtype = tensor === null ? undefined : floatTypeOf(tensor.dataType);
  const elemType = floatElementType(value);
  if (tensor === null || dtype === undefined || elemType === null) return null;
  if (!isVectorOf(tensor.dims, channels, trailing)) return null;
  return { use: { node, index }, channels, tensor, dtype, offset, elemType, readers: readersOf(source, scalars) };
}

/**
 * What the node reads, as float32: the stored numbers with the offset.
 * @returns [channels], in memory of its own
 * @throws PruneError as `readTensor` does
 */
export async function readVector({ tensor, dtype, offset }: StoredVector): Promise<Float32Array> {
  return floatsOf(await readTensor(tensor), dtype).map((value) => value + offset);
}

/** Whether dims are [1, …, channels, 1 × trailing]. */
function isVectorOf(dims: readonly number[], channels: number, trailing: number): boolean {
  const place = dims.length - 1 - trailing;
  return dims[place] === channels && dims.every((size, axis) => axis === place || size === 1);
}

/** Through Identity and Cast between float types, and at most one Add of 1. */
function walkBack(value: Value, scalars: Scalars): { source: Value; offset: 0 | 1 } {
  let source = value;
  let offset: 0 | 1 = 0;
  for (let steps = 0; source.producer !== null && steps < LONGEST_WAY; steps++) {
    const node: Node = source.producer;
    const from = handsOn(node) ? node.inputs[0] : offset === 0 ? plusOne(node, scalars) : null;
    if (!from) break;
    if (isStandard(node, "Add")) offset = 1;
    source = from;
  }
  return { source, offset };
}

/** Whether the node hands its first input on, perhaps in another float type. */
function handsOn(node: Node): boolean {
  if (isStandard(node, "Identity")) return true;
  const [to] = node.outputs;
  return isStandard(node, "Cast") && to !== undefined && floatElementType(to) !== null;
}

/** The other operand of an Add whose one operand is the number 1; null for other nodes. */
function plusOne(node: Node, scalars: Scalars): Value | null {
  if (!isStandard(node, "Add")) return null;
  const [a, b] = node.inputs;
  if (!a || !b) return null;
  return scalars(b) === 1 ? a : scalars(a) === 1 ? b : null;
}

/** All that reads a stored vector, behind Identity, Cast and the Add of 1. */
function readersOf(source: Value, scalars: Scalars): readonly Use[] {
  const readers: Use[] = [];
  const copies = new Set([source]);
  // A set may grow while it is walked, and holds each value once.
  for (const value of copies) {
    if (value.isGraphOutput) return [];
    for (const use of value.uses) {
      const { node, index } = use;
      const [output] = node.outputs;
      if (output && ((index === 0 && handsOn(node)) || plusOne(node, scalars) === value)) copies.add(output);
      else readers.push(use);
    }
  }
  return readers;
}
