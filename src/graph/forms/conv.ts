/**
 * Conv without groups, over any number of spatial axes: a linear layer from channels × kernel to output
 * channels, applied at every place of its window. The weight [out, channels, …kernel] is stored as
 * [out, in] is. A pattern N:M runs along channels × kernel.
 * https://onnx.ai/onnx/operators/onnx__Conv.html
 */
import { convolutionOf } from "../convolution.js";
import type { LayerForm } from "../layer-form.js";
import { floatTypeOf, typeName } from "../stored-coding.js";
import { findOperand } from "../stored-weight.js";
import { isStandard } from "../walk.js";

export const conv: LayerForm = {
  summary: "Conv with group = 1 in float32, float16 or bfloat16, as linear over channels × kernel",
  recognise(node, constants) {
    if (!isStandard(node, "Conv")) return null;
    const [activation, operand] = node.inputs;
    const stored = operand ? findOperand(operand, constants) : null;
    if (stored === null || stored.kind === "refused") return stored;
    if (!activation || constants.has(activation)) return null;
    const { source, tensor } = stored;
    const refuse = (reason: string) => ({ kind: "refused", source, reason }) as const;
    const convolution = convolutionOf(node, tensor);
    if (typeof convolution === "string") return refuse(convolution);
    const dtype = floatTypeOf(tensor.dataType);
    if (dtype === undefined)
      return refuse(`holds ${typeName(tensor.dataType)} values; only float32, float16 and bfloat16 are supported`);
    const { shape, window } = convolution;
    const coding = { kind: "float", dtype } as const;
    return {
      kind: "layer",
      weight: { kind: "stored", source, tensor, coding, shape, order: "out-in" },
      activation,
      window,
    };
  },
};
