/**
 * Products of codes, as dynamic quantisation writes them: the activation is quantised on the way in by
 * DynamicQuantizeLinear, and the int32 product becomes float by a Cast and one or two Mul that bring in
 * the scales of both sides. What MatMulInteger and ConvInteger have in common.
 */
import type { OnnxTensor } from "../onnx/index.js";
import { type Constants, findTensor } from "./constants.js";
import { floatTypeOf } from "./stored-coding.js";
import type { Node, Value } from "./types.js";
import { isStandard } from "./walk.js";

/** What is around a product of codes. */
export interface IntegerProduct {
  /** The float activation. */
  readonly activation: Value;
  readonly scales: OnnxTensor;
  /** null: the code 0. */
  readonly zeros: OnnxTensor | null;
  /** The product as floats. */
  readonly result: Value;
}

/**
 * Finds floats, scales and zero points around a product. Inputs of the node are codes, codes of the weight, zero point
 * and zero points of the weight, as both operators have them.
 *
 * @returns why the weight cannot be pruned, where something is missing
 */
export function integerProduct(node: Node, constants: Constants): IntegerProduct | string {
  const [left, , , zeroInput] = node.inputs;
  const quantiser = left?.producer;
  const [activation] = quantiser?.inputs ?? [];
  const [, activationScale] = quantiser?.outputs ?? [];
  if (!quantiser || !isStandard(quantiser, "DynamicQuantizeLinear") || !activation || !activationScale)
    return "multiplies codes that no DynamicQuantizeLinear makes, so its float input is not known";
  const scaled = findScale(node.outputs[0], activationScale, constants);
  if (scaled === null) return "has no stored scale behind its Cast and Mul, so its values are not known";
  const zeros = zeroInput ? findTensor(zeroInput) : null;
  if (zeroInput && zeros === null) return "has a zero point that is computed or can be overridden";
  return { activation, ...scaled, zeros };
}

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
