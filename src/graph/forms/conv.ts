/**
 * Conv without groups, over any number of spatial axes: a linear layer from channels × kernel to output
 * channels, applied at every place of its window. The weight [out, channels, …kernel] is stored as
 * [out, in] is. A pattern N:M runs along channels × kernel.
 * https://onnx.ai/onnx/operators/onnx__Conv.html
 */
import type { LayerForm } from "../layer-form.js";
import { floatTypeOf, typeName } from "../stored-coding.js";
import { findOperand } from "../stored-weight.js";
import type { ConvolutionWindow, Node } from "../types.js";
import { intAttribute, isStandard } from "../walk.js";

/**
 * Largest kernel, in places; larger ones than those of patches of 32 × 32 pixels are not known. Statistics take a
 * constant of the square of that.
 */
const MOST_PLACES = 1024;

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
    const shown = `[${tensor.dims.join(", ")}]`;
    const [out = 0, channels = 0, ...kernel] = tensor.dims;
    const group = intAttribute(node, "group", 1);
    if (group !== 1)
      return refuse(
        `belongs to a ${channels === 1 ? "depthwise" : "grouped"} convolution (group ${group}), whose outputs do not share their input channels`,
      );
    const dtype = floatTypeOf(tensor.dataType);
    if (dtype === undefined)
      return refuse(`holds ${typeName(tensor.dataType)} values; only float32, float16 and bfloat16 are supported`);
    const shape = { out, in: kernel.reduce((product, size) => product * size, channels) };
    if (shape.in > MOST_PLACES * channels)
      return refuse(`has a kernel of more than ${MOST_PLACES} places: its shape is ${shown}`);
    if (kernel.length === 0) return refuse(`has shape ${shown}, which has no kernel`);
    if (shape.out < 2 || shape.in < 2) return refuse(`is a vector: its shape is ${shown}`);
    const window = windowOf(node, kernel);
    if (window === null)
      return refuse(`has a kernel_shape, strides, dilations or pads that do not fit its shape ${shown}`);
    const coding = { kind: "float", dtype } as const;
    return {
      kind: "layer",
      weight: { kind: "stored", source, tensor, coding, shape, order: "out-in" },
      activation,
      window,
    };
  },
};

/** The attributes with what stands where they are absent; null where one is not as long as the kernel. */
function windowOf({ onnx }: Node, kernel: readonly number[]): ConvolutionWindow | null {
  const attribute = (name: string) => onnx.attributes.find((one) => one.name === name);
  const ints = (name: string, length: number, absent: number): readonly number[] => {
    const given = attribute(name)?.ints ?? [];
    return given.length === 0 ? new Array<number>(length).fill(absent) : given;
  };
  const axes = kernel.length;
  const [strides, dilations, pads] = [ints("strides", axes, 1), ints("dilations", axes, 1), ints("pads", 2 * axes, 0)];
  const given = attribute("kernel_shape")?.ints ?? [];
  const fits = strides.length === axes && dilations.length === axes && pads.length === 2 * axes;
  if (!fits || (given.length > 0 && given.join() !== kernel.join())) return null;
  return { kernel, strides, dilations, pads, autoPad: attribute("auto_pad")?.s ?? "" };
}
