/**
 * A notebook for graph changes: nodes, constants and outputs are written down per graph and become
 * one set of edits at the end. Hides what differs between opset versions.
 */
import { PruneError } from "../errors.js";
import type {
  GraphEdit,
  ModelEdits,
  NewAttribute,
  NewNode,
  NewTensor,
  NewValueInfo,
  OnnxGraph,
  OnnxModel,
} from "../onnx/index.js";

const FLOAT32 = 1;
const INT64 = 7;
const BOOL = 9;

/** Where a Slice ends that goes to the end: larger than any axis, and exact as a double. */
export const END = Number.MAX_SAFE_INTEGER;

/** Opset from which a reduction takes its axes as an input; before, they are an attribute. */
const AXES_AS_INPUT_SINCE = { ReduceSum: 13, ReduceSumSquare: 18, ReduceLogSumExp: 18 } as const;

/** GatherElements and axes counted from the end need it; every exporter of the last years writes more. */
const SMALLEST_OPSET = 11;

/** Every name that is added to a graph begins so. */
export const DRAFT_PREFIX = "transformers_prune";

/** Changes to the main graph and its nested graphs while they are gathered. */
export class GraphDraft {
  private readonly changes = new Map<OnnxGraph, { nodes: NewNode[]; outputs: NewValueInfo[] }>();
  private readonly constants = new Map<string, NewTensor>();
  private readonly inputs: NewValueInfo[] = [];
  private readonly replaced = new Set<string>();
  private readonly main: OnnxGraph;
  private readonly opset: number;

  /**
   * @param purpose what the nodes are for, for the error
   * @throws PruneError `unsupported` where the operator set is older than 11; `bad-graph` where the
   *   model holds nodes of a draft already
   */
  constructor(model: OnnxModel, purpose: string) {
    this.main = model.graph;
    this.opset = model.opsetImports.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 1;
    if (this.opset < SMALLEST_OPSET)
      throw new PruneError(
        "unsupported",
        `${model.name} uses operator set ${this.opset}; ${purpose} needs ${SMALLEST_OPSET} or later: export the model again`,
      );
    const own = model.graph.outputs.find(({ name }) => name.startsWith(`${DRAFT_PREFIX}/`));
    if (own !== undefined)
      throw new PruneError(
        "bad-graph",
        `${model.name}: output "${own.name}" belongs to a tapped copy; use the original model`,
      );
  }

  /** Adds a node with one output to `graph` and returns the output's name. */
  node(
    graph: OnnxGraph,
    opType: string,
    inputs: readonly string[],
    output: string,
    attributes: readonly NewAttribute[] = [],
  ): string {
    this.of(graph).nodes.push({ name: output, opType, inputs, outputs: [output], attributes });
    return output;
  }

  toFloat32(graph: OnnxGraph, value: string, output: string): string {
    return this.castTo(graph, FLOAT32, value, output);
  }

  toBool(graph: OnnxGraph, value: string, output: string): string {
    return this.castTo(graph, BOOL, value, output);
  }

  /** Reduces one axis away. */
  reduce(
    graph: OnnxGraph,
    opType: keyof typeof AXES_AS_INPUT_SINCE,
    axis: number,
    value: string,
    output: string,
  ): string {
    const keep: NewAttribute = { name: "keepdims", kind: "int", value: 0 };
    return this.opset >= AXES_AS_INPUT_SINCE[opType]
      ? this.node(graph, opType, [value, this.int64s(axis)], output, [keep])
      : this.node(graph, opType, [value], output, [keep, { name: "axes", kind: "ints", value: [axis] }]);
  }

  /** Declares a float32 output of `graph`. */
  output(graph: OnnxGraph, name: string, shape: NewValueInfo["shape"]): void {
    this.of(graph).outputs.push({ name, elemType: FLOAT32, shape });
  }

  /** Declares an input of the main graph; where an initializer has its name, the input takes its place. */
  input(name: string, elemType: number, shape: readonly (number | string)[]): string {
    // An initializer that may be overridden is declared already.
    if (!this.main.inputs.some((input) => input.name === name)) this.inputs.push({ name, elemType, shape });
    this.replaced.add(name);
    return name;
  }

  // Constants lie in the main graph, where nested graphs see them too; equal ones are one.

  /** Name of a constant [n] of int64. */
  int64s(...values: readonly number[]): string {
    const { buffer } = BigInt64Array.from(values, BigInt);
    return this.constant(`int64_${values.join("_")}`, INT64, [values.length], buffer);
  }

  /** Name of the float32 scalar 0. */
  zero(): string {
    return this.constant("zero", FLOAT32, [], new Float32Array(1).buffer);
  }

  /** Name of a float32 constant [k, 1, …kernel], k being the kernel's places: each kernel is 1 at its own place, else 0. */
  placesOf(kernel: readonly number[]): string {
    const places = kernel.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: places * places }, (_, k) => Number(k % (places + 1) === 0));
    return this.constant(`places_${kernel.join("x")}`, FLOAT32, [places, 1, ...kernel], values.buffer);
  }

  /** Name of the bool constant [1] that is true. */
  isTrue(): string {
    return this.constant("true", BOOL, [1], Uint8Array.of(1).buffer);
  }

  /** All changes. @param keepOutputs whether the main graph keeps its own outputs */
  edits(keepOutputs: boolean): NonNullable<ModelEdits["graphs"]> {
    const graphs = new Map<OnnxGraph, GraphEdit>();
    for (const [graph, { nodes, outputs }] of this.changes) graphs.set(graph, { addNodes: nodes, addOutputs: outputs });
    graphs.set(this.main, {
      ...graphs.get(this.main),
      addInitializers: [...this.constants.values()],
      addInputs: this.inputs,
      ...(this.replaced.size > 0 && { keepInitializers: (name: string) => !this.replaced.has(name) }),
      ...(keepOutputs ? {} : { keepOutputs: () => false }),
    });
    return graphs;
  }

  /** Casts to any element type (TensorProto.DataType). */
  castTo(graph: OnnxGraph, to: number, value: string, output: string): string {
    return this.node(graph, "Cast", [value], output, [{ name: "to", kind: "int", value: to }]);
  }

  private constant(key: string, dataType: number, dims: readonly number[], buffer: ArrayBufferLike): string {
    const name = `${DRAFT_PREFIX}/${key}`;
    if (!this.constants.has(name)) this.constants.set(name, { name, dataType, dims, bytes: new Uint8Array(buffer) });
    return name;
  }

  private of(graph: OnnxGraph): { nodes: NewNode[]; outputs: NewValueInfo[] } {
    const existing = this.changes.get(graph);
    if (existing !== undefined) return existing;
    const fresh = { nodes: [], outputs: [] };
    this.changes.set(graph, fresh);
    return fresh;
  }
}
