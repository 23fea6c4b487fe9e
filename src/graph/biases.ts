/**
 * Where the bias of a linear layer stands: in the operator itself, in an Add behind it, or nowhere, and then an Add
 * can be put behind the layer.
 */
import { floatElementType } from "./element-type.js";

import { findVector, type StoredVector } from "./stored-vector.js";
import type { Target, TargetUse, Value } from "./types.js";
import { isContrib, isStandard } from "./walk.js";

/** Where the bias of one product stands. */
export type BiasPlace =
  | {
      readonly kind: "stored";
      readonly vector: StoredVector;
      /** What the operator multiplies the stored numbers with: `beta` of Gemm, else 1. */
      readonly factor: number;
      /** The product with its bias; null where one operator adds the bias and goes on, as BiasGelu does. */
      readonly result: Value | null;
    }
  | {
      readonly kind: "none";
      /** The product, to which a bias can be added. */
      readonly result: Value;
      /** Float type of the product (TensorProto.DataType). */
      readonly elemType: number;
      /** Axes behind the channels: the places of a convolution. */
      readonly trailing: number;
    };

/** Input of the operator's own bias, by layer form. */
const OWN_BIAS: Readonly<Record<string, number | undefined>> = { Gemm: 2, MatMulNBits: 5, Conv: 2 };

/** Operators of ONNX Runtime that add a vector, their second input, before they go on. */
const ADDS_BIAS = ["BiasGelu", "FastGelu"];

/**
 * Where the bias of a layer stands, for each of its uses.
 *
 * @returns why it cannot have one, as a sentence's end, where the type of its product is not known
 */
export function findBias(target: Target): readonly BiasPlace[] | string {
  const places: BiasPlace[] = [];
  for (const use of target.uses) {
    const trailing = use.window?.kernel.length ?? 0;
    const stored = ownBias(target, use) ?? addedBias(target, use, trailing);
    const elemType = floatElementType(use.result);
    if (stored !== null) places.push(stored);
    else if (elemType === null) return `the float type of its product "${use.result.name}" is not known`;
    else if (use.result.producer === null) return `no node makes its product "${use.result.name}"`;
    else places.push({ kind: "none", result: use.result, elemType, trailing });
  }
  return places;
}

/** The bias that the operator itself reads. */
function ownBias({ form, shape }: Target, { node, result }: TargetUse): BiasPlace | null {
  const index = OWN_BIAS[form];
  const vector = index === undefined ? null : findVector(node, index, shape.out);
  // A factor of 0 makes the stored numbers count for nothing.
  const beta = form === "Gemm" ? (node.onnx.attributes.find(({ name }) => name === "beta")?.f ?? 1) : 1;
  return vector === null || beta === 0 ? null : { kind: "stored", vector, factor: beta, result };
}

/** The bias that the only reader of the product adds. */
function addedBias({ shape }: Target, { result }: TargetUse, trailing: number): BiasPlace | null {
  const [use, ...others] = result.uses;
  if (use === undefined || others.length > 0 || result.isGraphOutput) return null;
  const { node, index } = use;
  const isAdd = isStandard(node, "Add");
  const isFused = ADDS_BIAS.some((opType) => isContrib(node, opType)) && index === 0;
  if (!isAdd && !isFused) return null;
  const vector = findVector(node, 1 - index, shape.out, { trailing });
  if (vector === null) return null;
  return { kind: "stored", vector, factor: 1, result: isAdd ? (node.outputs[0] ?? null) : null };
}
