/**
 * What linear layers read: their distinct activations (q, k, v share one; gate, up share one), as rows
 * [tokens, in] of float32 that nodes added to the graph can reduce, and the way of what they make out of
 * the graph, through the branches of an `If` as well.
 */
import { PruneError } from "../errors.js";
import type { ConvolutionWindow, Graph, Model, Target, Value } from "../graph/index.js";
import type { ModelEdits, NewAttribute, OnnxNode } from "../onnx/index.js";
import { GraphDraft } from "./draft.js";
import { TokenMasks } from "./token-mask.js";

/** An activation, the graph in which linear layers read it, and the weights of those layers. */
export interface Reading {
  readonly activation: Value;
  readonly graph: Graph;
  /** How convolutions read it. */
  readonly window: ConvolutionWindow | null;
  readonly targets: readonly [Target, ...Target[]];
}

/**
 * Who reads what where, in order of first use. A branch that reads an activation from outside of it
 * is a reading of its own: a weight meets the activation only when its branch runs.
 */
export function readingsOf(targets: readonly Target[]): Reading[] {
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

/** Names of what is known of a reading in the graph that it is in. */
export interface Rows {
  /** float32 [rows, in]; rows of padding are 0. */
  readonly rows: string;
  /** float32 [1]: rows that are no padding. */
  readonly tokens: string;
  /** bool [rows, 1]: which rows are no padding; null where all are known to be none. */
  readonly counted: string | null;
}

/** A draft of nodes that look at readings. */
export class ReadingDraft extends GraphDraft {
  private readonly masks: TokenMasks | null;
  private readonly nodeOutputs = new Map<OnnxNode, string[]>();

  /**
   * @param padding whether feeds may hold padding that `attention_mask` names
   * @throws PruneError as `GraphDraft`
   */
  constructor(model: Model, padding: boolean) {
    super(model.onnx, "calibration");
    this.masks = padding ? new TokenMasks(model, this) : null;
  }

  /**
   * Adds the rows of a reading.
   *
   * @param prefix names of added values begin so
   */
  rowsOf(reading: Reading, prefix: string): Rows {
    const { activation, graph, window, targets } = reading;
    const { onnx } = graph;
    const channels = targets[0].shape.in;
    const named = (name: string) => `${prefix}/${name}`;
    const node = (opType: string, inputs: string[], name: string) => this.node(onnx, opType, inputs, named(name));
    // Before anything is squared: squares of float16 values overflow float16.
    const float32 = this.toFloat32(onnx, activation.name, named("float32"));
    const rows =
      window === null
        ? node("Reshape", [float32, this.int64s(-1, channels)], "rows")
        : this.windowRows(reading, window, float32, prefix);
    // No mask says which places of a window are padding: all of them count.
    const counted = window === null ? (this.masks?.forRows(activation, graph, rows, prefix) ?? null) : null;
    const count =
      counted === null
        ? node("Gather", [node("Shape", [rows], "shape"), this.int64s(0)], "count")
        : this.reduce(onnx, "ReduceSum", 0, this.toFloat32(onnx, counted, named("ones")), named("count"));
    return {
      // Where instead of a product: rows of padding may hold NaN.
      rows: counted === null ? rows : node("Where", [counted, rows, this.zero()], "kept"),
      tokens: this.toFloat32(onnx, count, named("tokens")),
      counted,
    };
  }

  /**
   * Makes a float32 value of a reading's graph an output of the main graph; returns its name there. The branch that
   * did not run gives zeros, and none of an axis whose length is only known at run time.
   *
   * @param shape lengths, null where it is known at run time only
   * @throws PruneError `unsupported` where the reading is in the body of a Loop or Scan
   */
  handOut({ graph, targets }: Reading, name: string, shape: readonly (number | null)[]): string {
    return this.handOutOf(graph, name, shape, targets[0]);
  }

  /** All changes. @param keepOutputs whether the main graph keeps its own outputs */
  modelEdits(keepOutputs: boolean): Pick<ModelEdits, "graphs" | "addNodeOutputs"> {
    return { graphs: this.edits(keepOutputs), addNodeOutputs: this.nodeOutputs };
  }

  /**
   * What meets the weights of a convolution, a row for every place of its window. What meets a place of the kernel, for
   * every channel, is picked by a convolution with kernels that are 1 there and 0 elsewhere, so strides, pads and
   * dilations need no second implementation. Pads count as the zeros that they are.
   */
  private windowRows(
    { graph: { onnx }, targets: [{ shape }] }: Reading,
    { kernel, strides, dilations, pads, autoPad }: ConvolutionWindow,
    float32: string,
    prefix: string,
  ): string {
    const places = kernel.reduce((a, b) => a * b, 1);
    const isAuto = autoPad !== "" && autoPad !== "NOTSET";
    const attributes: readonly NewAttribute[] = [
      { name: "strides", kind: "ints", value: strides },
      { name: "dilations", kind: "ints", value: dilations },
      isAuto ? { name: "auto_pad", kind: "string", value: autoPad } : { name: "pads", kind: "ints", value: pads },
    ];
    const node = (opType: string, inputs: string[], name: string, attributes: readonly NewAttribute[] = []) =>
      this.node(onnx, opType, inputs, `${prefix}/${name}`, attributes);
    const reshape = (value: string, to: readonly number[], name: string) =>
      node("Reshape", [value, this.int64s(...to)], name);
    // Every channel is an image of its own, so that one set of kernels serves them all; 0 keeps a length.
    const images = reshape(float32, [-1, 1, ...kernel.map(() => 0)], "images");
    const picked = node("Conv", [images, this.placesOf(kernel)], "picked", attributes);
    // [batch · channels, places, …] to [batch, channels · places, rows] to [batch, rows, channels · places].
    const flat = reshape(reshape(picked, [0, places, -1], "places"), [-1, shape.in, 0], "channels");
    const turned = node("Transpose", [flat], "turned", [{ name: "perm", kind: "ints", value: [0, 2, 1] }]);
    return reshape(turned, [-1, shape.in], "rows");
  }

  private handOutOf(graph: Graph, name: string, shape: readonly (number | null)[], target: Target): string {
    this.output(graph.onnx, name, shape);
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
        // Made at run time: as a constant, the zeros of an [in, in] output would be megabytes of the skeleton.
        const sizes = this.int64s(...shape.map((length) => length ?? 0));
        const absent = this.node(body.graph.onnx, "ConstantOfShape", [sizes], `${name}/not_run`);
        this.output(body.graph.onnx, absent, shape);
      }
    const outer = `${name}/handed_out`;
    const outputs = this.nodeOutputs.get(parent.onnx) ?? [];
    this.nodeOutputs.set(parent.onnx, outputs);
    outputs.push(outer);
    return this.handOutOf(parent.graph, outer, shape, target);
  }
}
