/**
 * The float type in which a value of the graph stands. Files need not say it of inner values, so it is
 * taken from what the value is made of: operators of linear layers and norms keep the type of their inputs.
 */
import { floatTypeOf } from "./stored-coding.js";
import type { Node, Value } from "./types.js";
import { intAttribute, isContrib, isStandard } from "./walk.js";

/** Nodes to look back through; a type that is not known by then is not guessed. */
const MOST_STEPS = 32;

/** Element type (TensorProto.DataType) of a float value; null where it is not known, or no float32, float16 or bfloat16. */
export function floatElementType(value: Value): number | null {
  const seen = new Set([value]);
  // A set may grow while it is walked: breadth first, so that the nearest evidence counts.
  for (const each of seen) {
    if (seen.size > MOST_STEPS) break;
    const { elemType, producer } = each;
    const known = elemType ?? (producer === null ? null : ownType(producer));
    if (known !== null && floatTypeOf(known) !== undefined) return known;
    for (const input of producer === null ? [] : typedInputs(producer)) seen.add(input);
  }
  return null;
}

/** The type that a node's own attributes give its output. */
function ownType(node: Node): number | null {
  if (isStandard(node, "Cast")) return intAttribute(node, "to", 0);
  if (!isStandard(node, "Constant")) return null;
  return node.onnx.attributes.find(({ name }) => name === "value")?.tensor?.dataType ?? null;
}

/** Inputs that have the type of the node's output, the surest first. */
function typedInputs(node: Node): readonly Value[] {
  const [first, second, third] = node.inputs;
  const chosen = (): readonly (Value | null | undefined)[] => {
    if (isStandard(node, "Cast") || node.bodies.length > 0) return [];
    if (isStandard(node, "DequantizeLinear")) return [second];
    if (isContrib(node, "MatMulNBits") || isContrib(node, "MatMulBnb4")) return [third, first];
    return TYPE_KEEPING.has(node.onnx.opType) ? [second, first] : [first];
  };
  return chosen().filter((value) => value !== null && value !== undefined);
}

/** Operators whose first two inputs have one type with the output; the second is more often a tensor of the file. */
const TYPE_KEEPING = new Set(["MatMul", "Gemm", "Conv", "Add", "Sub", "Mul", "Div"]);
