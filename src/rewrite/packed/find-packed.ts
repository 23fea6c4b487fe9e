/**
 * Finds the packed weights of a model, for those who would rather expand them themselves. A weight
 * counts only where its nodes and constants are exactly those that packing writes, attribute by
 * attribute and byte by byte: then it is known what they compute. Whatever differs is left to the runtime.
 */
import {
  DATA_TYPES,
  graphsOf,
  type NewAttribute,
  type NewNode,
  type NewTensor,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  readTensor,
} from "../../onnx/index.js";
import { type Expansion, expansionOf } from "./expansion.js";
import { isCalledValues, placesName, valuesName } from "./names.js";
import { type PackedWeight, packedDims } from "./packed-weight.js";
import { type ClaimedWeight, type NamedParts, readWeight } from "./read-weight.js";

/** A packed weight of a model. */
export interface FoundWeight extends ClaimedWeight {
  readonly graph: OnnxGraph;
  /** The nodes that expand it, shared ones not among them. */
  readonly nodes: readonly OnnxNode[];
}

/** All that `findPacked` saw. */
export interface FoundPacked {
  readonly weights: readonly FoundWeight[];
  /** Nodes and constants that only these weights use, so that they can go with them. */
  readonly shared: { readonly nodes: ReadonlySet<OnnxNode>; readonly constants: ReadonlySet<string> };
}

/**
 * Finds packed weights. Reads small constants, no weight.
 *
 * @throws PruneError `bad-model` where the file is cut short
 */
export async function findPacked(model: OnnxModel): Promise<FoundPacked> {
  const main = new GraphNames(model.graph);
  const weights: FoundWeight[] = [];
  const nodes = new Set<OnnxNode>();
  const constants = new Set<string>();
  let left = 0;
  for (const graph of graphsOf(model.graph)) {
    const candidates = graph.initializers.filter(({ name }) => isCalledValues(name));
    if (candidates.length === 0) continue;
    const names = graph === model.graph ? main : new GraphNames(graph);
    for (const values of candidates) {
      const claimed = readWeight(values, names);
      const expansion = claimed === null ? null : expansionOf(claimed.weight);
      if (claimed === null || expansion === null || !(await isOurs(claimed.weight, expansion, names, main))) left++;
      else {
        weights.push({ ...claimed, graph, nodes: expansion.nodes.map((node) => names.nodeOf(node)) });
        for (const node of expansion.shared) nodes.add(main.nodeOf(node));
        for (const { name } of expansion.constants) constants.add(name);
      }
    }
  }
  // A weight that is not expanded here may use them too.
  return { weights, shared: left > 0 ? { nodes: new Set(), constants: new Set() } : { nodes, constants } };
}

/** Nodes and initializers of a graph by name. */
class GraphNames implements NamedParts {
  readonly tensors: ReadonlyMap<string, OnnxTensor>;
  readonly makers: ReadonlyMap<string, OnnxNode>;
  readonly #known = new Set<string>();

  constructor({ initializers, nodes }: OnnxGraph) {
    this.tensors = new Map(initializers.map((tensor) => [tensor.name, tensor]));
    this.makers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  }

  nodeOf({ outputs: [output = ""] }: NewNode): OnnxNode {
    return this.makers.get(output) as OnnxNode;
  }

  async hasNode(expected: NewNode): Promise<boolean> {
    const node = this.makers.get(expected.outputs[0] ?? "");
    return node !== undefined && (await isNode(node, expected));
  }

  /** Remembers constants that it has compared: many weights share them, and equal names mean equal constants. */
  async hasConstant(expected: NewTensor): Promise<boolean> {
    if (this.#known.has(expected.name)) return true;
    const tensor = this.tensors.get(expected.name);
    if (tensor === undefined || !(await isTensor(tensor, expected))) return false;
    this.#known.add(expected.name);
    return true;
  }
}

async function isOurs(
  weight: PackedWeight,
  expansion: Expansion,
  names: GraphNames,
  main: GraphNames,
): Promise<boolean> {
  const { values, places } = packedDims(weight);
  const dimsOf = (name: string) => names.tensors.get(name)?.dims.join();
  if (dimsOf(valuesName(weight.name)) !== values.join()) return false;
  if (dimsOf(placesName(weight.name)) !== places.join()) return false;
  for (const node of expansion.nodes) if (!(await names.hasNode(node))) return false;
  for (const node of expansion.shared) if (!(await main.hasNode(node))) return false;
  for (const constant of expansion.constants) if (!(await main.hasConstant(constant))) return false;
  return true;
}

async function isNode(node: OnnxNode, { opType, inputs, outputs, attributes = [] }: NewNode): Promise<boolean> {
  if (node.opType !== opType || !(node.domain === "" || node.domain === "ai.onnx")) return false;
  if (!isSame(node.inputs, inputs) || !isSame(node.outputs, outputs)) return false;
  if (node.attributes.length !== attributes.length) return false;
  for (const expected of attributes) {
    const attribute = node.attributes.find(({ name }) => name === expected.name);
    if (attribute === undefined || !(await isAttribute(attribute, expected))) return false;
  }
  return true;
}

async function isAttribute(attribute: OnnxAttribute, expected: NewAttribute): Promise<boolean> {
  switch (expected.kind) {
    case "int":
      return attribute.i === expected.value;
    case "string":
      return attribute.s === expected.value;
    case "tensor":
      return attribute.tensor !== null && isTensor(attribute.tensor, expected.value);
    case "ints":
    case "float":
      return false; // packing writes none
    default:
      return expected satisfies never;
  }
}

async function isTensor(tensor: OnnxTensor, { dataType, dims, bytes }: Omit<NewTensor, "name">): Promise<boolean> {
  if (tensor.dataType !== dataType || !isSame(tensor.dims, dims) || typeof bytes === "function") return false;
  if (tensor.data.kind === "none" || DATA_TYPES[dataType] === undefined) return false;
  const found = await readTensor(tensor);
  return found.length === bytes.length && found.every((byte, at) => byte === bytes[at]);
}

const isSame = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((one, index) => one === b[index]);
