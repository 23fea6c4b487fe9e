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
import { elementBytesOf } from "./element.js";
import { type Expansion, expansionOf, PACKED_PREFIX, placesName, valuesName } from "./expansion.js";
import type { PackedForm, PackedWeight } from "./packed-weight.js";
import { slotLayout } from "./slots.js";

/** A packed weight of a model. */
export interface FoundWeight {
  readonly weight: PackedWeight;
  readonly graph: OnnxGraph;
  readonly values: OnnxTensor;
  readonly places: OnnxTensor;
  /** The nodes that expand it, shared ones not among them. */
  readonly nodes: readonly OnnxNode[];
}

/** All that `findPacked` saw. */
export interface FoundPacked {
  readonly weights: readonly FoundWeight[];
  /** Nodes and constants that only these weights use, so that they can go with them. */
  readonly shared: { readonly nodes: ReadonlySet<OnnxNode>; readonly constants: ReadonlySet<string> };
}

const UINT8 = 2;
const SUFFIX = "/values";

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
    const candidates = graph.initializers.filter(
      ({ name }) => name.startsWith(`${PACKED_PREFIX}/`) && name.endsWith(SUFFIX),
    );
    if (candidates.length === 0) continue;
    const names = graph === model.graph ? main : new GraphNames(graph);
    for (const values of candidates) {
      const weight = readWeight(values, names);
      const expansion = weight === null ? null : expansionOf(weight);
      const places = weight === null ? undefined : names.tensors.get(placesName(weight.name));
      if (weight === null || expansion === null || places === undefined || !(await isOurs(expansion, names, main)))
        left++;
      else {
        weights.push({ weight, graph, values, places, nodes: expansion.nodes.map((node) => names.nodeOf(node)) });
        for (const node of expansion.shared) nodes.add(main.nodeOf(node));
        for (const { name } of expansion.constants) constants.add(name);
      }
    }
  }
  // A weight that is not expanded here may use them too.
  return { weights, shared: left > 0 ? { nodes: new Set(), constants: new Set() } : { nodes, constants } };
}

/** Nodes and initializers of a graph by name. */
class GraphNames {
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

/** What the names of a weight's nodes say of it, or null where they are not those of a packed weight. */
function readWeight(values: OnnxTensor, { tensors, makers }: GraphNames): PackedWeight | null {
  const name = values.name.slice(PACKED_PREFIX.length + 1, -SUFFIX.length);
  const places = tensors.get(placesName(name));
  const result = makers.get(name);
  const elementBytes = elementBytesOf(values.dataType);
  if (values.name !== valuesName(name) || places === undefined || result === undefined || elementBytes === null)
    return null;
  if (places.dataType !== UINT8 || !isWhole(values, elementBytes) || !isWhole(places, 1)) return null;
  const read = result.opType === "Reshape" ? readMask : readSlots;
  const found = read(name, result, makers, values);
  const zero = /^zeros_\w+?_((?:[0-9a-f]{2})+)_/.exec(found?.zeros ?? "")?.[1];
  if (found === null || zero === undefined || zero.length !== 2 * elementBytes) return null;
  const weight = {
    name,
    dataType: values.dataType,
    dims: found.dims,
    zero: Uint8Array.from(zero.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)),
    form: found.form,
  };
  return placesFit(weight, places.dims) ? weight : null;
}

interface ReadForm {
  readonly dims: readonly number[];
  readonly form: PackedForm;
  /** Name of the zeros, without prefix. */
  readonly zeros: string;
}

function readMask(
  name: string,
  { inputs }: OnnxNode,
  makers: ReadonlyMap<string, OnnxNode>,
  values: OnnxTensor,
): ReadForm | null {
  const dims = sizesIn(/^shape_([\dx]+)$/.exec(shortName(inputs[1]))?.[1]);
  const zeros = shortName(makers.get(`${PACKED_PREFIX}/${name}/padded`)?.inputs[1]);
  const [kept] = values.dims;
  return dims === null || kept === undefined ? null : { dims, zeros, form: { kind: "mask", kept } };
}

function readSlots(name: string, { inputs, attributes }: OnnxNode, makers: ReadonlyMap<string, OnnxNode>) {
  const zeros = shortName(inputs[0]);
  const dims = sizesIn(/_([\dx]+)$/.exec(zeros)?.[1]);
  const groups = shortName(makers.get(`${PACKED_PREFIX}/${name}/indices`)?.inputs[1]);
  const nOfM = sizesIn(/^groups_(\d+_\d+)_/.exec(groups)?.[1]?.replace("_", "x"));
  const axis = attributes.find((attribute) => attribute.name === "axis")?.i ?? -1;
  if (dims === null || nOfM === null || axis < 0 || axis >= dims.length) return null;
  const [keep, of] = nOfM as [number, number];
  return { dims, zeros, form: { kind: "slots", keep, of, axis } as const };
}

const shortName = (name = ""): string =>
  name.startsWith(`${PACKED_PREFIX}/`) ? name.slice(PACKED_PREFIX.length + 1) : "";

/** `576x1536` as numbers. */
function sizesIn(text: string | undefined): number[] | null {
  return text !== undefined && /^\d{1,10}(?:x\d{1,10}){0,7}$/.test(text) ? text.split("x").map(Number) : null;
}

/** Whether the file holds as many bytes of a tensor as its shape says; what follows from the shape is then bounded by the file. */
function isWhole({ data, dims }: OnnxTensor, elementBytes: number): boolean {
  return data.kind === "raw" && data.payload.length === elementBytes * dims.reduce((a, b) => a * b, 1);
}

/** Whether a weight has about as many elements as its places speak of, so that no small file asks for a large tensor. */
function placesFit({ dims, form }: PackedWeight, placesDims: readonly number[]): boolean {
  const elements = dims.reduce((a, b) => a * b, 1);
  const places = placesDims.reduce((a, b) => a * b, 1);
  if (form.kind === "mask") return elements === 8 * places;
  if (form.keep < 1 || form.of < 2 || form.of > MOST_IN_GROUP || form.keep > form.of) return false;
  const layout = slotLayout(dims, form.axis, form.keep, form.of);
  return layout !== null && (elements / form.of) * form.keep === places * layout.perByte;
}

/** Codes have at most eight bits. */
const MOST_IN_GROUP = 256;

async function isOurs(expansion: Expansion, names: GraphNames, main: GraphNames): Promise<boolean> {
  const last = expansion.nodes.at(-1)?.outputs[0] ?? "";
  const dimsOf = (name: string) => names.tensors.get(name)?.dims.join();
  if (dimsOf(valuesName(last)) !== expansion.valuesDims.join()) return false;
  if (dimsOf(placesName(last)) !== expansion.placesDims.join()) return false;
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
