/** What Conv and ConvInteger have in common: the shape of the weight as a linear layer, and the window that it moves. */
import type { OnnxTensor } from "../onnx/index.js";
import type { Shape } from "../tensor/matrix.js";
import type { ConvolutionWindow, Node } from "./types.js";
import { intAttribute } from "./walk.js";

/**
 * Largest kernel, in places; larger ones than those of patches of 32 × 32 pixels are not known. Statistics take a
 * constant of the square of that.
 */
const MOST_PLACES = 1024;

/** A convolution as a linear layer over channels × kernel. */
export interface Convolution {
  readonly shape: Shape;
  readonly window: ConvolutionWindow;
}

/**
 * The linear layer that a convolution is.
 *
 * @param tensor the weight, [out, channels, …kernel], which is stored as [out, in] is
 * @returns why it is none, where it is none
 */
export function convolutionOf(node: Node, tensor: OnnxTensor): Convolution | string {
  const shown = `[${tensor.dims.join(", ")}]`;
  const [out = 0, channels = 0, ...kernel] = tensor.dims;
  const group = intAttribute(node, "group", 1);
  if (group !== 1)
    return `belongs to a ${channels === 1 ? "depthwise" : "grouped"} convolution (group ${group}), whose outputs do not share their input channels`;
  const shape = { out, in: kernel.reduce((product, size) => product * size, channels) };
  if (shape.in > MOST_PLACES * channels)
    return `has a kernel of more than ${MOST_PLACES} places: its shape is ${shown}`;
  if (kernel.length === 0) return `has shape ${shown}, which has no kernel`;
  if (shape.out < 2 || shape.in < 2) return `is a vector: its shape is ${shown}`;
  const window = windowOf(node, kernel);
  return window === null
    ? `has a kernel_shape, strides, dilations or pads that do not fit its shape ${shown}`
    : { shape, window };
}

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
