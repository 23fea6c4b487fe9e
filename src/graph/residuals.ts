/**
 * What the output of a linear layer is added to: the residual stream in front of a block's last layer. Found by
 * what is added to what, not by names.
 */
import { findBias } from "./biases.js";
import { nodesBehind } from "./nodes-behind.js";
import type { Model, Target, Use, Value } from "./types.js";
import { isContrib, isStandard } from "./walk.js";

/** Operators of ONNX Runtime that add their first two inputs before they normalise. */
const FUSED_RESIDUAL = ["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"];

/**
 * The value that is added to a layer's output, its bias included, where that is all that reads the output.
 *
 * @returns null for layers without one, convolutions, layers that are used several times, and such in nested graphs
 */
export function residualOf(model: Model, target: Target): Value | null {
  const [use, ...others] = target.uses;
  if (use === undefined || others.length > 0 || use.window !== undefined || use.node.graph !== model.graph) return null;
  const places = findBias(target);
  const output = typeof places === "string" ? use.result : (places[0]?.result ?? null);
  const [reader, second] = output?.uses ?? [];
  if (output === null || reader === undefined || second !== undefined || output.isGraphOutput) return null;
  const residual = otherSummand(reader);
  if (residual === null || residual.graph !== model.graph) return null;
  // A constant is a bias in disguise, and what depends on the layer itself is not there when it is calibrated.
  const behind = nodesBehind([residual]);
  const isFed = [...behind].some(({ inputs }) =>
    inputs.some((value) => value?.isGraphInput && value.initializer === null),
  );
  return isFed && !behind.has(use.node) ? residual : null;
}

function otherSummand({ node, index }: Use): Value | null {
  const adds = isStandard(node, "Add") || FUSED_RESIDUAL.some((opType) => isContrib(node, opType));
  if (!adds || index > 1) return null;
  return node.inputs[1 - index] ?? null;
}
