/**
 * MatMul: activation [..., in] times weight [in, out]. The bias, where there is one, is an Add of its own.
 * https://onnx.ai/onnx/operators/onnx__MatMul.html
 */
import type { LayerForm } from "../layer-form.js";
import { findWeight } from "../stored-weight.js";
import { isStandard } from "../walk.js";
import { refuseLeftWeight } from "./refuse-left-weight.js";

export const matMul: LayerForm = {
  summary: "MatMul with a constant second operand, stored [in, out] or transposed on the way",
  recognise(node, constants) {
    if (!isStandard(node, "MatMul")) return null;
    const [left, right] = node.inputs;
    // Two constants make a table (rotary angles, for one), not a layer.
    if (!left || !right || (constants.has(left) && constants.has(right))) return null;
    const weight = findWeight(right, "in-out", constants);
    if (weight === null) return refuseLeftWeight(left, constants);
    return weight.kind === "refused" ? weight : { kind: "layer", weight, activation: left };
  },
};
