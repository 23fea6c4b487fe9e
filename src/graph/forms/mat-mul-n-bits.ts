/**
 * MatMulNBits: activation [..., K] times a weight [N, K] of 2, 4 or 8 bits, in blocks along K that share
 * a scale and a zero point: codes [N, blocks, bytes of a block], the last block padded.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
 */
import type { OnnxTensor } from "../../onnx/index.js";
import type { CodeBits } from "../../tensor/coding.js";
import { findTensor } from "../constants.js";
import type { LayerForm } from "../layer-form.js";
import { codeTypeOf, elementsOf, floatTypeOf, type StoredZeros } from "../stored-coding.js";
import { findOperand } from "../stored-weight.js";
import type { Node } from "../types.js";
import { intAttribute, isContrib } from "../walk.js";

/** Sizes of the operator. */
interface Layout {
  readonly out: number;
  readonly in: number;
  readonly bits: CodeBits;
  readonly blockSize: number;
  /** Blocks of an output row. */
  readonly blocks: number;
}

export const matMulNBits: LayerForm = {
  summary: "MatMulNBits with codes of 2, 4 or 8 bits and zero points that are codes or whole numbers",
  recognise(node, constants) {
    if (!isContrib(node, "MatMulNBits")) return null;
    const [activation, operand] = node.inputs;
    const codes = operand ? findOperand(operand, constants) : null;
    if (codes === null || codes.kind === "refused") return codes;
    if (!activation) return null;
    const { source, tensor } = codes;
    const refuse = (reason: string) => ({ kind: "refused", source, reason }) as const;
    const layout = layoutOf(node);
    if (typeof layout === "string") return refuse(layout);
    const { out, in: channels, bits, blockSize, blocks } = layout;
    const rowElements = blocks * blockSize;
    if (codeTypeOf(tensor.dataType)?.bits !== 8 || elementsOf(tensor) !== (out * rowElements * bits) / 8)
      return refuse(
        `has shape [${tensor.dims.join(", ")}], which does not hold ${out} × ${blocks} blocks of ${blockSize}`,
      );
    const scales = node.inputs[2] ? findTensor(node.inputs[2]) : null;
    if (scales === null || floatTypeOf(scales.dataType) === undefined || elementsOf(scales) !== out * blocks)
      return refuse(`has no stored scales [${out}, ${blocks}] in float32, float16 or bfloat16`);
    const zeros = zerosOf(node, layout);
    if (zeros === null)
      return refuse(`has zero points of an unknown layout: neither codes nor floats [${out}, ${blocks}]`);
    const shape = { out, in: channels };
    const coding = {
      ...({ kind: "affine", bits, signed: false, rowElements, rowGroup: 1, columnGroup: blockSize } as const),
      ...{ scales, zeros },
    };
    return { kind: "layer", weight: { kind: "stored", source, tensor, coding, shape, order: "out-in" }, activation };
  },
};

/** The sizes that the attributes give, or why a weight of that kind stays dense. */
function layoutOf(node: Node): Layout | string {
  const { inputs } = node;
  const [out, channels, blockSize] = [
    intAttribute(node, "N", 0),
    intAttribute(node, "K", 0),
    intAttribute(node, "block_size", 0),
  ];
  const bits = intAttribute(node, "bits", 4);
  if (intAttribute(node, "weight_prepacked", 0) !== 0)
    return "is packed for CUDA kernels (weight_prepacked), a layout that is not documented; use a file that is not packed";
  if (inputs[4]) return "has reordered input channels (g_idx), which is not supported";
  if (bits !== 2 && bits !== 4 && bits !== 8) return `has codes of ${bits} bits; 2, 4 and 8 are supported`;
  if (out < 2 || channels < 2 || blockSize < 1 || (blockSize * bits) % 8 !== 0)
    return `has sizes that do not fit: N ${out}, K ${channels}, blocks of ${blockSize} × ${bits} bits`;
  return { out, in: channels, bits, blockSize, blocks: Math.ceil(channels / blockSize) };
}

/** Packed zero points fill whole bytes for every output row; without any, the middle code is zero. */
function zerosOf({ inputs }: Node, { out, bits, blocks }: Layout): number | StoredZeros | null {
  if (!inputs[3]) return 2 ** (bits - 1);
  const tensor: OnnxTensor | null = findTensor(inputs[3]);
  if (tensor === null) return null;
  if (floatTypeOf(tensor.dataType) !== undefined)
    return elementsOf(tensor) === out * blocks ? { kind: "floats", tensor } : null;
  const rowBytes = Math.ceil((blocks * bits) / 8);
  const isPacked = codeTypeOf(tensor.dataType)?.bits === 8 && elementsOf(tensor) === out * rowBytes;
  return isPacked ? { kind: "codes", tensor, rowElements: (rowBytes * 8) / bits } : null;
}
