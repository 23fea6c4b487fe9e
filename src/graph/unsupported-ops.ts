/**
 * Operators that hold weights in forms that cannot be pruned yet. They are listed so that a report
 * names such a weight and says why it stayed dense. An operator leaves this list when it gets a
 * layer form.
 */
import type { Constants } from "./constants.js";
import type { RefusedWeight } from "./stored-weight.js";
import type { Node } from "./types.js";

/** Operator, of whatever domain, and the inputs that hold its weights; biases and scales are not weights. */
const WEIGHT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  // Quantised products.
  QLinearMatMul: [3],
  QGemm: [3],
  MatMulFpQ4: [1],
  DynamicQuantizeMatMul: [1],
  MatMulIntegerToFloat: [1],
  MatMulBlockQuantizedFp4Weight: [1],
  MatMulBlockQuantizedFp8Weight: [1],
  // Mixtures of experts: a stack of matrices an input.
  MoE: [2, 4, 6],
  QMoE: [2, 5, 8],
  // Fused products.
  FusedMatMul: [1],
  FusedGemm: [1],
  Attention: [1],
  QAttention: [1],
  PackedAttention: [1],
  LongformerAttention: [1],
  Einsum: [0, 1],
  // Convolutions and recurrent layers.
  FusedConv: [1],
  QLinearConv: [3],
  ConvTranspose: [1],
  LSTM: [1, 2],
  GRU: [1, 2],
  RNN: [1, 2],
};

/** The weights that a node of the list holds; empty for other nodes, and where the input in question is an activation. */
export function refuseUnsupported(node: Node, constants: Constants): RefusedWeight[] {
  const { opType } = node.onnx;
  // hasOwn: an operator may be called "constructor".
  const indices = Object.hasOwn(WEIGHT_INPUTS, opType) ? (WEIGHT_INPUTS[opType] ?? []) : [];
  return indices.flatMap((index) => {
    const input = node.inputs[index];
    const source = input && constants.get(input);
    return source ? [{ kind: "refused", source, reason: `${opType} weights are not supported yet` }] : [];
  });
}
