/**
 * Targets that stay dense unless the user names them: what turns hidden states into answers, what
 * shares its weight with something that is no linear layer, what chooses experts, and what encodes
 * positions. Each costs more quality than its zeros are worth, as does the first convolution.
 */
import type { Shape } from "../tensor/matrix.js";
import { type Constants, LONGEST_WAY } from "./constants.js";
import { isLookup, readersOf } from "./stored-weight.js";
import type { Node, TargetUse, Value } from "./types.js";
import { isStandard } from "./walk.js";
import { layerIndex } from "./weight-name.js";

/** What the rules look at. */
export interface FoundLayer {
  readonly name: string;
  readonly shape: Shape;
  readonly source: Value;
  readonly uses: readonly TargetUse[];
}

/** Why the layer stays dense by default, as a sentence for the report; null for ordinary layers. */
export function denseByDefault(layer: FoundLayer, constants: Constants): string | null {
  return sharedWith(layer) ?? headOf(layer, constants) ?? routerOf(layer) ?? positionsOf(layer) ?? stemOf(layer);
}

// --- shared weights ---------------------------------------------------------------------------

function sharedWith({ source, uses }: FoundLayer): string | null {
  const { nodes, output } = readersOf(source);
  for (const { node } of uses) nodes.delete(node);
  const others = [...nodes];
  if (others.some(isLookup)) return "tied: the embedding reads the same weight";
  if (output) return `shared: the model returns the weight as its output "${output.name}"`;
  const other = others[0];
  return other ? `shared: ${other.onnx.opType} "${other.onnx.name}" reads the same weight` : null;
}

// --- heads ------------------------------------------------------------------------------------

/** Modules that are heads wherever their result goes: sequence heads pick a token first, some models scale the logits. */
const HEAD = /(^|\.)(lm_head|embed_out|score|classifier|qa_outputs|proj_out)(\.|$)/;

/** Operators that may stand between a head and the output. A binary one only with a constant, or residuals would pass. */
const AFTER_HEAD: Readonly<Record<string, "unary" | "with constant">> = {
  Cast: "unary",
  Identity: "unary",
  Reshape: "unary",
  Squeeze: "unary",
  Softmax: "unary",
  LogSoftmax: "unary",
  Sigmoid: "unary",
  Tanh: "unary",
  Add: "with constant",
  Mul: "with constant",
  Div: "with constant",
};

function headOf({ name, uses }: FoundLayer, constants: Constants): string | null {
  if (layerIndex(name) !== null) return null;
  for (const { result } of uses) {
    const output = modelOutputAfter(result, constants);
    if (output) return `head: feeds the output "${output.name}"`;
  }
  return HEAD.test(name) ? "head: named as one" : null;
}

/** The output of the model that a layer's result becomes, out of branches and bodies too; null where it goes elsewhere. */
function modelOutputAfter(result: Value, constants: Constants): Value | null {
  const results = new Set([result]);
  for (const value of results) {
    if (value.isGraphOutput) {
      if (value.graph.parent === null) return value;
      const outside = outputOutside(value, value.graph.parent);
      if (outside) results.add(outside);
    }
    for (const { node } of value.uses) {
      if (mayFollowHead(node, value, constants)) for (const output of node.outputs) results.add(output);
    }
  }
  return null;
}

function mayFollowHead(node: Node, from: Value, constants: Constants): boolean {
  const { opType } = node.onnx;
  const way = isStandard(node, opType) && Object.hasOwn(AFTER_HEAD, opType) ? AFTER_HEAD[opType] : undefined;
  if (way === "unary") return node.inputs[0] === from;
  return way === "with constant" && node.inputs.every((input) => input === from || (input && constants.has(input)));
}

/** The output of an If, Loop or Scan that an output of its body becomes. A Loop's body returns its condition first. */
function outputOutside(value: Value, node: Node): Value | undefined {
  const index = value.graph.outputs.indexOf(value) - (isStandard(node, "Loop") ? 1 : 0);
  return node.outputs[index];
}

// --- routers ----------------------------------------------------------------------------------

/** A gate that chooses experts; `gate_proj` is something else. */
const ROUTER = /(^|\.)((mlp|moe|ffn|feed_forward|block_sparse_moe)\.gate|router)(\.|$)/;

/** A gate with as many outputs as inputs or more is part of a feed-forward block. */
function routerOf({ name, shape }: FoundLayer): string | null {
  return ROUTER.test(name) && shape.out < shape.in ? "router: chooses experts" : null;
}

// --- positions --------------------------------------------------------------------------------

/** A matrix that coordinates are multiplied with; tables of positions are looked up and are no layers anyway. */
const POSITIONS = /(^|\.)pos(ition(al)?)?_embed(ding)?s?$/;

/** Random Fourier features, as SAM has them: two input channels, x and y, and nothing learned. */
function positionsOf({ name }: FoundLayer): string | null {
  return POSITIONS.test(name) ? "positions: turns coordinates into features" : null;
}

// --- stems ------------------------------------------------------------------------------------

/** Operators that hand pixels or samples on, at most in another type, shape, order or range. */
const BEFORE_STEM: ReadonlySet<string> = new Set(
  "Cast Identity Reshape Transpose Squeeze Unsqueeze Pad Slice Concat Sub Div Mul".split(" "),
);

/** The convolution that turns what the model is given into hidden states: patches of pixels, frames of sound. */
function stemOf({ uses }: FoundLayer): string | null {
  for (const { activation, window } of uses) {
    if (window === undefined) continue;
    let value: Value | null | undefined = activation;
    for (let steps = 0; steps < LONGEST_WAY; steps++) {
      if (!value?.producer || !BEFORE_STEM.has(value.producer.onnx.opType)) break;
      value = value.producer.inputs[0];
    }
    if (value?.isGraphInput && value.graph.parent === null) return `stem: reads the input "${value.name}"`;
  }
  return null;
}
