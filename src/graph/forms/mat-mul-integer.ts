/**
 * MatMulInteger: activation [..., in], quantised on the way in, times codes [in, out] of eight bits.
 * https://onnx.ai/onnx/operators/onnx__MatMulInteger.html
 */
import { axisCoding } from "../axis-coding.js";
import { integerProduct } from "../integer-product.js";
import type { LayerForm } from "../layer-form.js";
import { elementsOf } from "../stored-coding.js";
import { findOperand } from "../stored-weight.js";
import { isStandard } from "../walk.js";

export const matMulInteger: LayerForm = {
  summary: "MatMulInteger with codes of 8 bits behind DynamicQuantizeLinear, one scale or one for each output row",
  recognise(node, constants) {
    if (!isStandard(node, "MatMulInteger")) return null;
    const codes = node.inputs[1] ? findOperand(node.inputs[1], constants) : null;
    if (codes === null || codes.kind === "refused") return codes;
    const { source, tensor } = codes;
    const refuse = (reason: string) => ({ kind: "refused", source, reason }) as const;
    const product = integerProduct(node, constants);
    if (typeof product === "string") return refuse(product);
    const { activation, scales, zeros, result } = product;
    const [channels = 0, out = 0] = tensor.dims;
    if (channels < 2 || out < 2) return refuse(`is a vector: its shape is [${tensor.dims.join(", ")}]`);
    const isOne = elementsOf(scales) === 1 && (zeros === null || elementsOf(zeros) === 1);
    const coding = axisCoding(tensor, { axis: isOne ? null : 1, block: null, scales, zeros });
    if (typeof coding === "string") return refuse(coding);
    const shape = { out, in: channels };
    return {
      kind: "layer",
      weight: { kind: "stored", source, tensor, coding, shape, order: "in-out" },
      activation,
      result,
    };
  },
};
