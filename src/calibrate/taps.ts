/**
 * Taps: nodes added to the graph that reduce an activation to three small outputs per distinct
 * input of linear layers (q, k, v share one; gate, up share one): sum and sum of squares per input
 * channel, and the number of tokens, all float32. Nothing else leaves the runtime, so calibration
 * costs about what a forward pass costs, and memory does not grow with the number of samples.
 */
import { PruneError } from "../errors.js";
import type { Graph, Model, Target, Value } from "../graph/index.js";
import type { ModelEdits, OnnxNode } from "../onnx/index.js";
import { DRAFT_PREFIX, GraphDraft } from "./draft.js";
import { TokenMasks } from "./token-mask.js";

/** Names of a tap's outputs: [in], [in], [1]. */
export interface TapOutputs {
  readonly sum: string;
  readonly sumOfSquares: string;
  readonly tokens: string;
}

/** One tapped activation, and the weights it meets. */
export interface Tap {
  readonly outputs: TapOutputs;
  readonly targets: readonly Target[];
}

/** What to add to a model, and how to read it back. */
export interface TapPlan {
  readonly taps: readonly Tap[];
  readonly edits: Pick<ModelEdits, "graphs" | "addNodeOutputs">;
}

export interface TapOptions {
  /** Whether feeds may hold padding that `attention_mask` names. */
  readonly padding: boolean;
  /** Keep the graph's own outputs. Without them the runtime drops what only they need, such as the head. */
  readonly keepOutputs: boolean;
}

/**
 * Plans taps for all distinct activations of `targets`. Activations inside the branches of an `If`
 * are reduced there and handed out through it; the branch that did not run gives zeros.
 *
 * @throws PruneError `unsupported` where a target lies in the body of a Loop or Scan, or the model's
 *   operator set is older than 11; `bad-graph` where the model is tapped already
 */
export function planTaps(model: Model, targets: readonly Target[], options: TapOptions): TapPlan {
  const draft = new GraphDraft(model.onnx, "calibration");
  const masks = options.padding ? new TokenMasks(model, draft) : null;
  const nodeOutputs = new Map<OnnxNode, string[]>();
  const taps: Tap[] = [];
  for (const [activation, sharing] of byActivation(targets)) {
    const inner = reduce(draft, masks, activation, sharing[0] as Target, `${DRAFT_PREFIX}/tap${taps.length}`);
    const channels = (sharing[0] as Target).shape.in;
    const handOut = (name: string, shape: readonly number[]) =>
      throughBodies(draft, nodeOutputs, activation.graph, name, shape, sharing[0] as Target);
    const outputs = {
      sum: handOut(inner.sum, [channels]),
      sumOfSquares: handOut(inner.sumOfSquares, [channels]),
      tokens: handOut(inner.tokens, [1]),
    };
    taps.push({ outputs, targets: sharing });
  }
  return { taps, edits: { graphs: draft.edits(options.keepOutputs), addNodeOutputs: nodeOutputs } };
}

/** Targets by the activation they read, in order of first use. */
function byActivation(targets: readonly Target[]): Map<Value, Target[]> {
  const groups = new Map<Value, Target[]>();
  for (const target of targets)
    for (const { activation } of target.uses) {
      const group = groups.get(activation);
      if (group === undefined) groups.set(activation, [target]);
      else if (!group.includes(target)) group.push(target);
    }
  return groups;
}

/** Adds the reductions in the activation's own graph. */
function reduce(
  draft: GraphDraft,
  masks: TokenMasks | null,
  activation: Value,
  target: Target,
  prefix: string,
): TapOutputs {
  const graph = activation.graph.onnx;
  const float32 = draft.toFloat32(graph, activation.name, `${prefix}/float32`);
  const rows = draft.node(graph, "Reshape", [float32, draft.int64s([-1, target.shape.in])], `${prefix}/rows`);
  const counted = masks?.forRows(activation, rows, prefix) ?? null;
  // Where instead of a product: rows of padding may hold NaN.
  const kept = counted === null ? rows : draft.node(graph, "Where", [counted, rows, draft.zeros([])], `${prefix}/kept`);
  const ones =
    counted === null
      ? draft.node(
          graph,
          "Gather",
          [draft.node(graph, "Shape", [rows], `${prefix}/shape`), draft.int64s([0])],
          `${prefix}/count`,
        )
      : draft.reduce(graph, "ReduceSum", 0, draft.toFloat32(graph, counted, `${prefix}/ones`), `${prefix}/count`);
  return {
    sum: draft.reduce(graph, "ReduceSum", 0, kept, `${prefix}/sum`),
    sumOfSquares: draft.reduce(graph, "ReduceSumSquare", 0, kept, `${prefix}/sum_of_squares`),
    tokens: draft.toFloat32(graph, ones, `${prefix}/tokens`),
  };
}

/** Makes a value an output of its graph and of every graph around it; returns its name in the main graph. */
function throughBodies(
  draft: GraphDraft,
  nodeOutputs: Map<OnnxNode, string[]>,
  graph: Graph,
  name: string,
  shape: readonly number[],
  target: Target,
): string {
  draft.output(graph.onnx, name, shape);
  const { parent } = graph;
  if (parent === null) return name;
  if (parent.onnx.opType !== "If")
    throw new PruneError(
      "unsupported",
      `weight "${target.name}" lies in the body of ${parent.onnx.opType} "${parent.onnx.name}", where activations cannot be tapped; exclude it or use a method without calibration (magnitude)`,
      { details: { weight: target.name, node: parent.onnx.name } },
    );
  for (const body of parent.bodies)
    if (body.graph !== graph) {
      const absent = draft.node(body.graph.onnx, "Identity", [draft.zeros(shape)], `${name}/not_run`);
      draft.output(body.graph.onnx, absent, shape);
    }
  const outer = `${name}/handed_out`;
  const outputs = nodeOutputs.get(parent.onnx) ?? [];
  nodeOutputs.set(parent.onnx, outputs);
  outputs.push(outer);
  return throughBodies(draft, nodeOutputs, parent.graph, outer, shape, target);
}
