/**
 * Taps: nodes added to the graph that reduce an activation to three small outputs per distinct
 * input of linear layers (q, k, v share one; gate, up share one): sum and sum of squares per input
 * channel, and the number of tokens, all float32. Nothing else leaves the runtime, so calibration
 * costs about what a forward pass costs, and memory does not grow with the number of samples.
 */
import { PruneError } from "../errors.js";
import type { ConvolutionWindow, Graph, Model, Target, Value } from "../graph/index.js";
import type { ModelEdits, NewAttribute, OnnxNode } from "../onnx/index.js";
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
  readonly targets: readonly [Target, ...Target[]];
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

/** An activation, the graph in which linear layers read it, and the weights of those layers. */
interface Reading {
  readonly activation: Value;
  readonly graph: Graph;
  /** How convolutions read it. */
  readonly window: ConvolutionWindow | null;
  readonly targets: readonly [Target, ...Target[]];
}

/**
 * Plans taps for all distinct activations of `targets`. Inside the branches of an `If` an activation
 * is reduced there and handed out through it; the branch that did not run gives zeros.
 *
 * @throws PruneError `unsupported` where a target lies in the body of a Loop or Scan, or the model's
 *   operator set is older than 11; `bad-graph` where the model is tapped already
 */
export function planTaps(model: Model, targets: readonly Target[], options: TapOptions): TapPlan {
  const draft = new GraphDraft(model.onnx, "calibration");
  const masks = options.padding ? new TokenMasks(model, draft) : null;
  const nodeOutputs = new Map<OnnxNode, string[]>();
  const taps = readingsOf(targets).map((reading, index): Tap => {
    const prefix = `${DRAFT_PREFIX}/tap${index}`;
    const { window } = reading;
    const inner =
      window === null ? reduce(draft, masks, reading, prefix) : reduceWindows(draft, reading, window, prefix);
    const channels = reading.targets[0].shape.in;
    const handOut = (name: string, shape: readonly number[]) =>
      handOutOf(reading.graph, draft, nodeOutputs, name, shape, reading.targets[0]);
    const outputs = {
      sum: handOut(inner.sum, [channels]),
      sumOfSquares: handOut(inner.sumOfSquares, [channels]),
      tokens: handOut(inner.tokens, [1]),
    };
    return { outputs, targets: reading.targets };
  });
  return { taps, edits: { graphs: draft.edits(options.keepOutputs), addNodeOutputs: nodeOutputs } };
}

/**
 * Who reads what where, in order of first use. A branch that reads an activation from outside of it
 * is a reading of its own: a weight meets the activation only when its branch runs.
 */
function readingsOf(targets: readonly Target[]): Reading[] {
  const readings: (Reading & { targets: [Target, ...Target[]] })[] = [];
  const byActivation = new Map<Value, typeof readings>();
  for (const target of targets)
    for (const { activation, node, window = null } of target.uses) {
      const { graph } = node;
      const known = byActivation.get(activation) ?? [];
      byActivation.set(activation, known);
      const same = known.find((one) => one.graph === graph && isSameWindow(one.window, window));
      if (same === undefined) {
        const reading: (typeof readings)[number] = { activation, graph, window, targets: [target] };
        readings.push(reading);
        known.push(reading);
      } else if (same.targets.at(-1) !== target) same.targets.push(target);
    }
  return readings;
}

const isSameWindow = (a: ConvolutionWindow | null, b: ConvolutionWindow | null): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

/** Adds the reductions in the graph that reads the activation. */
function reduce(
  draft: GraphDraft,
  masks: TokenMasks | null,
  { activation, graph, targets: [{ shape }] }: Reading,
  prefix: string,
): TapOutputs {
  const { onnx } = graph;
  const named = (name: string) => `${prefix}/${name}`;
  const node = (opType: string, inputs: string[], name: string) => draft.node(onnx, opType, inputs, named(name));
  // Before anything is squared: squares of float16 values overflow float16.
  const float32 = draft.toFloat32(onnx, activation.name, named("float32"));
  const rows = node("Reshape", [float32, draft.int64s(-1, shape.in)], "rows");
  const counted = masks?.forRows(activation, graph, rows, prefix) ?? null;
  // Where instead of a product: rows of padding may hold NaN.
  const kept = counted === null ? rows : node("Where", [counted, rows, draft.zeros()], "kept");
  const count =
    counted === null
      ? node("Gather", [node("Shape", [rows], "shape"), draft.int64s(0)], "count")
      : draft.reduce(onnx, "ReduceSum", 0, draft.toFloat32(onnx, counted, named("ones")), named("count"));
  return {
    sum: draft.reduce(onnx, "ReduceSum", 0, kept, named("sum")),
    sumOfSquares: draft.reduce(onnx, "ReduceSumSquare", 0, kept, named("sum_of_squares")),
    tokens: draft.toFloat32(onnx, count, named("tokens")),
  };
}

/**
 * The same for convolutions. What meets a place of the kernel, for every channel, is picked by a convolution with
 * kernels that are 1 there and 0 elsewhere, so strides, pads and dilations need no second implementation. Pads count
 * as the zeros that they are, and all places of the window do: no mask says which of them are padding.
 */
function reduceWindows(
  draft: GraphDraft,
  { activation, graph: { onnx }, targets: [{ shape }] }: Reading,
  { kernel, strides, dilations, pads, autoPad }: ConvolutionWindow,
  prefix: string,
): TapOutputs {
  const named = (name: string) => `${prefix}/${name}`;
  const places = kernel.reduce((a, b) => a * b, 1);
  const isAuto = autoPad !== "" && autoPad !== "NOTSET";
  const attributes: readonly NewAttribute[] = [
    { name: "strides", kind: "ints", value: strides },
    { name: "dilations", kind: "ints", value: dilations },
    isAuto ? { name: "auto_pad", kind: "string", value: autoPad } : { name: "pads", kind: "ints", value: pads },
  ];
  const reshape = (value: string, to: readonly number[], name: string) =>
    draft.node(onnx, "Reshape", [value, draft.int64s(...to)], named(name));
  // Every channel is an image of its own, so that one set of kernels serves them all; 0 keeps a length.
  const float32 = draft.toFloat32(onnx, activation.name, named("float32"));
  const images = reshape(float32, [-1, 1, ...kernel.map(() => 0)], "images");
  const picked = (from: string, name: string) =>
    draft.node(onnx, "Conv", [from, draft.placesOf(kernel)], named(name), attributes);
  /** [batch · channels, places, …] to [channels · places]. */
  const total = (value: string, name: string) => {
    const flat = reshape(value, [0, places, -1], `${name}/flat`);
    const rows = reshape(
      draft.reduce(onnx, "ReduceSum", 2, flat, named(`${name}/places`)),
      [-1, shape.in],
      `${name}/rows`,
    );
    return draft.reduce(onnx, "ReduceSum", 0, rows, named(name));
  };
  const values = picked(images, "picked");
  const squares = picked(draft.node(onnx, "Mul", [images, images], named("squares")), "picked_squares");
  const size = draft.node(onnx, "Size", [values], named("size"));
  const count = draft.node(onnx, "Div", [size, draft.int64s(shape.in)], named("count"));
  return {
    sum: total(values, "sum"),
    sumOfSquares: total(squares, "sum_of_squares"),
    tokens: draft.toFloat32(onnx, count, named("tokens")),
  };
}

/** Makes a value an output of its graph and of every graph around it; returns its name in the main graph. */
function handOutOf(
  graph: Graph,
  draft: GraphDraft,
  nodeOutputs: Map<OnnxNode, string[]>,
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
  return handOutOf(parent.graph, draft, nodeOutputs, outer, shape, target);
}
