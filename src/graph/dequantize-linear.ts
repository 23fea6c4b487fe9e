/**
 * DequantizeLinear behind a weight: codes with a scale for the tensor, for each slice of an axis, or for
 * each block of slices.
 * https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
 */
import type { OnnxTensor } from "../onnx/index.js";
import { axisCoding } from "./axis-coding.js";
import { findTensor } from "./constants.js";
import { elementsOf, type StoredAffineCoding } from "./stored-coding.js";
import type { Node } from "./types.js";
import { intAttribute } from "./walk.js";

/** Domains that define the operator; ONNX Runtime's own has the same meaning for more types. */
const DOMAINS: ReadonlySet<string> = new Set(["", "ai.onnx", "com.microsoft"]);

export const isDequantizer = ({ onnx }: Node): boolean =>
  onnx.opType === "DequantizeLinear" && DOMAINS.has(onnx.domain);

/**
 * What the codes that a DequantizeLinear reads stand for.
 *
 * @param tensor the codes as they are stored
 * @param isTransposed whether the node reads them transposed
 * @returns why that cannot be said, where it cannot
 */
export function dequantizedCoding(node: Node, tensor: OnnxTensor, isTransposed: boolean): StoredAffineCoding | string {
  const [, scaleInput, zeroInput] = node.inputs;
  const scales = scaleInput ? findTensor(scaleInput) : null;
  const zeros = zeroInput ? findTensor(zeroInput) : null;
  if (scales === null || (zeroInput && zeros === null))
    return "has scales or zero points that are computed or can be overridden";
  const block = intAttribute(node, "block_size", 0);
  const given = intAttribute(node, "axis", 1);
  const axis = (given < 0 ? given + 2 : given) as 0 | 1;
  if (block === 0 && elementsOf(scales) === 1) return axisCoding(tensor, { axis: null, block: null, scales, zeros });
  if (block < 0) return `is dequantised in blocks of ${block}`;
  if (axis !== 0 && axis !== 1) return `is dequantised along axis ${given} of two`;
  if (!isTransposed) return axisCoding(tensor, { axis, block: block === 0 ? null : block, scales, zeros });
  // Scales of blocks lie as the transposed codes do.
  if (block !== 0) return "is transposed before it is dequantised in blocks, which is not supported";
  return axisCoding(tensor, { axis: (1 - axis) as 0 | 1, block: null, scales, zeros });
}
