/**
 * MatMulBnb4: activation [..., K] times a weight [N, K] whose 4-bit codes are looked up (NF4, FP4), flat
 * through all rows, with a scale for every block of them.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulBnb4
 */
import type { CodeTable } from "../../tensor/coding.js";
import { findTensor } from "../constants.js";
import type { LayerForm } from "../layer-form.js";
import { codeTypeOf, elementsOf, floatTypeOf } from "../stored-coding.js";
import { findOperand } from "../stored-weight.js";
import { intAttribute, isContrib } from "../walk.js";

/** The attribute `quant_type`. */
const TABLES: Readonly<Record<number, CodeTable | undefined>> = { 0: "fp4", 1: "nf4" };

export const matMulBnb4: LayerForm = {
  summary: "MatMulBnb4 with codes of NF4 or FP4",
  recognise(node, constants) {
    if (!isContrib(node, "MatMulBnb4")) return null;
    const [activation, operand, scaleInput] = node.inputs;
    const codes = operand ? findOperand(operand, constants) : null;
    if (codes === null || codes.kind === "refused") return codes;
    if (!activation) return null;
    const { source, tensor } = codes;
    const refuse = (reason: string) => ({ kind: "refused", source, reason }) as const;
    const [out, channels] = [intAttribute(node, "N", 0), intAttribute(node, "K", 0)];
    const blockElements = intAttribute(node, "block_size", 0);
    const table = TABLES[intAttribute(node, "quant_type", -1)];
    if (table === undefined) return refuse("has codes of an unknown type: quant_type is neither 0 (FP4) nor 1 (NF4)");
    if (intAttribute(node, "transB", 1) === 0)
      return refuse("is not stored as [N, K] (transB = 0), which is not supported");
    if (out < 2 || channels < 2 || blockElements < 1)
      return refuse(`has sizes that do not fit: N ${out}, K ${channels}, blocks of ${blockElements}`);
    if (codeTypeOf(tensor.dataType)?.bits !== 8 || elementsOf(tensor) !== Math.ceil((out * channels) / 2))
      return refuse(`has shape [${tensor.dims.join(", ")}], which does not hold ${out} × ${channels} codes of 4 bits`);
    const scales = scaleInput ? findTensor(scaleInput) : null;
    const blocks = Math.ceil((out * channels) / blockElements);
    if (scales === null || floatTypeOf(scales.dataType) === undefined || elementsOf(scales) !== blocks)
      return refuse(`has no stored scales [${blocks}] in float32, float16 or bfloat16`);
    const coding = { kind: "table", table, blockElements, scales } as const;
    const shape = { out, in: channels };
    return { kind: "layer", weight: { kind: "stored", source, tensor, coding, shape, order: "out-in" }, activation };
  },
};
