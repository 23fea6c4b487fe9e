/**
 * MatMulInteger: activation [..., in], quantised on the way in by DynamicQuantizeLinear, times codes
 * [in, out] of eight bits. The int32 product becomes float by a Cast and one or two Mul that bring in the
 * scales of both.
 * https://onnx.ai/onnx/operators/onnx__MatMulInteger.html
 */
import type { OnnxTensor } from "../../onnx/index.js";
import { axisCoding } from "../axis-coding.js";
import { type Constants, findTensor } from "../constants.js";
import type { LayerForm } from "../layer-form.js";
import { elementsOf, floatTypeOf } from "../stored-coding.js";
import { findOperand } from "../stored-weight.js";
import type { Value } from "../types.js";
import { isStandard } from "../walk.js";

export const matMulInteger: LayerForm = {
  summary: "MatMulInteger with codes of 8 bits behind DynamicQuantizeLinear, one scale or one for each output row",
  recognise(node, constants) {
    if (!isStandard(node, "MatMulInteger")) return null;
    const [left, right, , zeroInput] = node.inputs;
    const codes = right ? findOperand(right, constants) : null;
    if (codes === null || codes.kind === "refused") return codes;
    const { source, tensor } = codes;
    const refuse = (reason: string) => ({ kind: "refused", source, reason }) as const;
    const quantiser = left?.producer;
    const [activation] = quantiser?.inputs ?? [];
    const [, activationScale] = quantiser?.outputs ?? [];
    if (!quantiser || !isStandard(quantiser, "DynamicQuantizeLinear") || !activation || !activationScale)
      return refuse("multiplies codes that no DynamicQuantizeLinear makes, so its float input is not known");
    const scaled = findScale(node.outputs[0], activationScale, constants);
    if (scaled === null) return refuse("has no stored scale behind its Cast and Mul, so its values are not known");
    const zeros = zeroInput ? findTensor(zeroInput) : null;
    if (zeroInput && zeros === null) return refuse("has a zero point that is computed or can be overridden");
    const [channels = 0, out = 0] = tensor.dims;
    if (channels < 2 || out < 2) return refuse(`is a vector: its shape is [${tensor.dims.join(", ")}]`);
    const { scales, result } = scaled;
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

/**
 * Follows the product to where both scales have been brought in: `product · (activationScale · scales)`, or with one
 * after the other.
 */
function findScale(
  product: Value | undefined,
  activationScale: Value,
  constants: Constants,
): { readonly scales: OnnxTensor; readonly result: Value } | null {
  const factors: Value[] = [];
  for (let value = product; value !== undefined && factors.length <= 2; ) {
    const scales = factors
      .map((factor) => (constants.has(factor) ? findTensor(factor) : null))
      .find((one) => one !== null);
    if (scales && floatTypeOf(scales.dataType) !== undefined && factors.includes(activationScale))
      return { scales, result: value };
    const [use]: readonly Value["uses"][number][] = value.uses;
    if (use === undefined) return null;
    const { node, index } = use;
    const other = node.inputs[1 - index];
    if (isStandard(node, "Mul") && other) factors.push(...factorsOf(other, constants));
    else if (!isStandard(node, "Cast")) return null;
    value = node.outputs[0];
  }
  return null;
}

/** The two sides of a product that is computed on every run, else the value itself. */
function factorsOf(value: Value, constants: Constants): readonly Value[] {
  const { producer } = value;
  return producer && isStandard(producer, "Mul") && !constants.has(value)
    ? producer.inputs.filter((input) => input !== null)
    : [value];
}
