/**
 * From names to links: turns the graph of a file, nested graphs included, into objects that know
 * each other. A body sees the values of the graphs around it, and the innermost definition counts:
 * ONNX wants names unique, but real files call a branch's result like the result of its If. Nodes
 * may stand in any order, because ONNX Runtime sorts them for itself.
 */
import { PruneError } from "../errors.js";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from "../onnx/index.js";
import { checkAcyclic } from "./check-acyclic.js";
import { describeDefinition, nodeLabel } from "./describe.js";
import type { Graph, Model, Node, Use, Value } from "./types.js";

// The same nouns while they are being linked.
interface DraftValue extends Value {
  producer: Node | null;
  readonly uses: Use[];
  initializer: OnnxTensor | null;
  isGraphOutput: boolean;
}
interface DraftNode extends Node {
  readonly inputs: (Value | null)[];
  readonly outputs: Value[];
  readonly bodies: { attribute: string; graph: Graph }[];
}
interface DraftGraph extends Graph {
  readonly nodes: DraftNode[];
  readonly inputs: Value[];
  readonly outputs: Value[];
  readonly values: Map<string, DraftValue>;
}

/**
 * Links the graph of `onnx`. Takes time and memory in proportion to nodes and names; reads no tensor.
 * @throws PruneError `bad-graph` where a name has two definitions in one graph, where nothing defines a node input or
 *   a graph output, or where nodes form a cycle
 */
export function buildModel(onnx: OnnxModel): Model {
  const graph = buildGraph(onnx.graph, null, onnx.name);
  checkAcyclic(graph, onnx.name);
  return { onnx, graph };
}

// Recursion is over nested graphs only, whose depth the reader limits.
function buildGraph(onnx: OnnxGraph, parent: Node | null, file: string): Graph {
  const graph: DraftGraph = { onnx, parent, nodes: [], inputs: [], outputs: [], values: new Map() };
  defineValues(graph, file);
  for (const node of graph.nodes) {
    linkInputs(node, file);
    for (const { attribute, body } of bodiesOf(node.onnx)) {
      node.bodies.push({ attribute, graph: buildGraph(body, node, file) });
    }
  }
  linkOutputs(graph, file);
  return graph;
}

/** Makes a value for every name that the graph defines, and its nodes, still without inputs. */
function defineValues(graph: DraftGraph, file: string): void {
  const { onnx } = graph;
  const elemTypes = new Map(
    [...onnx.valueInfo, ...onnx.outputs, ...onnx.inputs].map(({ name, elemType }) => [name, elemType]),
  );
  const define = (name: string, from: Partial<DraftValue>): DraftValue => {
    const value: DraftValue = {
      name,
      graph,
      producer: null,
      uses: [],
      initializer: null,
      isGraphInput: false,
      isGraphOutput: false,
      elemType: from.initializer?.dataType ?? elemTypes.get(name) ?? null,
      ...from,
    };
    if (name === "") return value;
    const earlier = graph.values.get(name);
    if (earlier) throw definedTwice(earlier, value, file);
    graph.values.set(name, value);
    return value;
  };

  for (const { name } of onnx.inputs) graph.inputs.push(define(name, { isGraphInput: true }));
  for (const tensor of onnx.initializers) {
    const input = graph.values.get(tensor.name);
    // The one legal double definition: an initializer that is the default of a graph input.
    if (input?.isGraphInput && input.initializer === null) input.initializer = tensor;
    else define(tensor.name, { initializer: tensor });
  }
  for (const name of onnx.sparseInitializers) define(name, {});
  for (const onnxNode of onnx.nodes) {
    const node: DraftNode = { onnx: onnxNode, graph, inputs: [], outputs: [], bodies: [] };
    graph.nodes.push(node);
    for (const name of onnxNode.outputs) node.outputs.push(define(name, { producer: node }));
  }
}

function linkInputs(node: DraftNode, file: string): void {
  for (const [index, name] of node.onnx.inputs.entries()) {
    const value = name === "" ? null : resolve(name, node.graph);
    if (value === undefined) {
      throw new PruneError(
        "bad-graph",
        `${file}: input ${index} of ${nodeLabel(node)} is "${name}", which no node, initializer or graph input defines; the file is damaged or was cut badly, export the model again`,
        { details: { file, node: nodeLabel(node), value: name } },
      );
    }
    node.inputs.push(value);
    value?.uses.push({ node, index });
  }
}

function linkOutputs(graph: DraftGraph, file: string): void {
  for (const { name } of graph.onnx.outputs) {
    const value = graph.values.get(name);
    if (value === undefined) {
      const remedy =
        graph.parent && resolve(name, graph)
          ? "only a graph around it does, which ONNX Runtime refuses; put an Identity node between"
          : "the file is damaged or was cut badly, export the model again";
      throw new PruneError(
        "bad-graph",
        `${file}: nothing in graph "${graph.onnx.name}" defines its output "${name}"; ${remedy}`,
        { details: { file, graph: graph.onnx.name, value: name } },
      );
    }
    value.isGraphOutput = true;
    graph.outputs.push(value);
  }
}

/** The value a name stands for in a graph: its own, else that of the nearest graph around it. */
function resolve(name: string, graph: Graph): DraftValue | undefined {
  for (let scope: Graph | undefined = graph; scope; scope = scope.parent?.graph) {
    const value = scope.values.get(name);
    if (value) return value as DraftValue;
  }
  return undefined;
}

function bodiesOf(node: OnnxNode): { attribute: string; body: OnnxGraph }[] {
  return node.attributes.flatMap(({ name, graph, graphs }) =>
    [...(graph ? [graph] : []), ...graphs].map((body) => ({ attribute: name, body })),
  );
}

function definedTwice(earlier: Value, later: Value, file: string): PruneError {
  const first = describeDefinition(earlier);
  const second = describeDefinition(later);
  return new PruneError(
    "bad-graph",
    `${file}: "${later.name}" is defined twice in graph "${later.graph.onnx.name}", by ${first} and by ${second}; a name may have one definition, export the model again`,
    { details: { file, graph: later.graph.onnx.name, value: later.name, first, second } },
  );
}
