/**
 * Gemm: activation [tokens, in] times weight, plus bias. The weight is [in, out], or [out, in] where transB is 1.
 * alpha and beta scale whole matrices and so change no ranking within one.
 * https://onnx.ai/onnx/operators/onnx__Gemm.html
 */
import type { LayerForm } from "../layer-form.js";
import { findWeight } from "../stored-weight.js";
import { intAttribute, isStandard } from "../walk.js";
import { refuseLeftWeight } from "./refuse-left-weight.js";

export const gemm: LayerForm = {
  summary: "Gemm with a constant second operand, transB 0 or 1",
  recognise(node, constants) {
    if (!isStandard(node, "Gemm")) return null;
    const [left, right] = node.inputs;
    if (!left || !right || (constants.has(left) && constants.has(right))) return null;
    const order = intAttribute(node, "transB", 0) === 0 ? "in-out" : "out-in";
    const weight = findWeight(right, order, constants);
    if (weight === null) return refuseLeftWeight(left, constants);
    if (weight.kind === "refused") return weight;
    if (intAttribute(node, "transA", 0) !== 0) {
      const reason = "belongs to a Gemm with transA = 1, whose input channels are not the last axis; not supported";
      return { kind: "refused", source: weight.source, reason };
    }
    return { kind: "layer", weight, activation: left };
  },
};
