/**
 * ConvInteger without groups: Conv over codes of eight bits, the activation quantised on the way in.
 * https://onnx.ai/onnx/operators/onnx__ConvInteger.html
 */
import { axisCoding } from "../axis-coding.js";
import { convolutionOf } from "../convolution.js";
import { integerProduct } from "../integer-product.js";
import type { LayerForm } from "../layer-form.js";
import { elementsOf } from "../stored-coding.js";
import { findOperand } from "../stored-weight.js";
import { isStandard } from "../walk.js";

export const convInteger: LayerForm = {
  summary: "ConvInteger with group = 1 and codes of 8 bits behind DynamicQuantizeLinear, as Conv",
  recognise(node, constants) {
    if (!isStandard(node, "ConvInteger")) return null;
    const codes = node.inputs[1] ? findOperand(node.inputs[1], constants) : null;
    if (codes === null || codes.kind === "refused") return codes;
    const { source, tensor } = codes;
    const refuse = (reason: string) => ({ kind: "refused", source, reason }) as const;
    const convolution = convolutionOf(node, tensor);
    if (typeof convolution === "string") return refuse(convolution);
    const product = integerProduct(node, constants);
    if (typeof product === "string") return refuse(product);
    const { shape, window } = convolution;
    const { activation, scales, zeros, result } = product;
    const isOne = elementsOf(scales) === 1 && (zeros === null || elementsOf(zeros) === 1);
    const matrix = { dataType: tensor.dataType, dims: [shape.out, shape.in] };
    const coding = axisCoding(matrix, { axis: isOne ? null : 0, block: null, scales, zeros });
    if (typeof coding === "string") return refuse(coding);
    return {
      kind: "layer",
      weight: { kind: "stored", source, tensor, coding, shape, order: "out-in" },
      activation,
      window,
      result,
    };
  },
};
