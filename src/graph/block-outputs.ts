/**
 * Where the hidden state leaves each block of a model. Exporters do not mark it; what all families
 * share is the residual connection: the last operation of a block that adds two activations. It is
 * found by what depends on what, not by names of values.
 */
import type { Model, Node, Target, Value } from "./types.js";

/**
 * Operators of ONNX Runtime that add a residual and normalise in one. Output 0 is normalised, output 3
 * the sum, left out where nothing reads it.
 */
const FUSED_RESIDUAL = new Set(["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"]);
const FUSED_SUM = 3;

/** How the hidden state leaves a block. */
export interface BlockOutput {
  /** The value in which it stands: [batch, tokens, channels]. */
  readonly state: Value;
  /** All values through which later nodes see it: `state`, and its normalised form where one operator makes both. */
  readonly seenThrough: readonly Value[];
}

/**
 * The output of each block, by index of the block, in order. Blocks whose linear layers lie in nested
 * graphs, or that end in no residual connection, are left out.
 */
export function blockOutputs(model: Model, targets: readonly Target[]): ReadonlyMap<number, BlockOutput> {
  const own = new Map<Node, number>();
  for (const { layer, uses } of targets)
    if (layer !== null)
      for (const { node } of uses) if (node.graph === model.graph) own.set(node, Math.max(layer, own.get(node) ?? 0));

  // The latest block that a value depends on. Nodes of an ONNX graph are in topological order.
  const latest = new Map<Value, number>();
  // What depends on what the model is run on; all else is constant, whether stored or computed.
  const running = new Set<Value>(model.graph.inputs.filter(({ initializer }) => initializer === null));
  const outputs = new Map<number, BlockOutput>();
  for (const node of model.graph.nodes) {
    // Bodies of If and Loop may read any value.
    if (node.bodies.length > 0 || node.inputs.some((input) => input !== null && running.has(input)))
      for (const output of node.outputs) running.add(output);
    const before = node.inputs.map((input) => (input === null ? undefined : latest.get(input)));
    const block = Math.max(own.get(node) ?? -1, ...before.map((one) => one ?? -1));
    if (block < 0) continue;
    for (const output of node.outputs) latest.set(output, block);
    const output = addsActivations(node, running) ? outputOf(node) : null;
    if (output !== null) outputs.set(block, output);
  }
  return new Map([...outputs].sort(([a], [b]) => a - b));
}

/** What a node that adds a residual hands on; null where nothing reads it. */
function outputOf({ onnx, outputs }: Node): BlockOutput | null {
  const isRead = ({ uses, isGraphOutput }: Value) => uses.length > 0 || isGraphOutput;
  const normalised = outputs[0];
  const sum = FUSED_RESIDUAL.has(onnx.opType) ? outputs[FUSED_SUM] : normalised;
  const seenThrough = [...new Set([sum, normalised])].filter(
    (value) => value !== undefined && isRead(value),
  ) as Value[];
  const [state] = seenThrough;
  return state === undefined ? null : { state, seenThrough };
}

/** Whether a node adds two values that are both computed from the model's inputs: no bias, no epsilon. */
function addsActivations({ onnx, inputs }: Node, running: ReadonlySet<Value>): boolean {
  if (FUSED_RESIDUAL.has(onnx.opType)) return true;
  return onnx.opType === "Add" && inputs.every((input) => input !== null && running.has(input));
}
