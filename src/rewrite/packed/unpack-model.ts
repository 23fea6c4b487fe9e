/**
 * Edits that take the packing back: weights become initializers again, expanded from the file one at
 * a time as their bytes are asked for, and the nodes that would have expanded them go. A runtime
 * that gets the edited model folds nothing, so it needs no memory for what lies between.
 */
import {
  byteLengthOf,
  type GraphEdit,
  type ModelEdits,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  readTensor,
  type TensorEdit,
} from "../../onnx/index.js";
import { storedBytes, unpackElements } from "./elements.js";
import type { FoundPacked, FoundWeight } from "./find-packed.js";

/**
 * The edits that make packed weights initializers.
 *
 * @param found from `findPacked` of the same model
 * @returns edits whose bytes throw PruneError `bad-model` where values and places do not fit together
 */
export function unpackEdits(
  model: OnnxModel,
  { weights, shared }: FoundPacked,
): Required<Pick<ModelEdits, "tensors" | "graphs">> {
  const tensors = new Map<OnnxTensor, TensorEdit>();
  const dropped = new Map<OnnxGraph, { nodes: Set<OnnxNode>; initializers: Set<string> }>();
  if (weights.length > 0)
    dropped.set(model.graph, { nodes: new Set(shared.nodes), initializers: new Set(shared.constants) });
  for (const found of weights) {
    const { weight, graph, values, places, zeros, nodes } = found;
    const byteLength = byteLengthOf(weight.dataType, weight.dims);
    const as = { name: weight.name, dims: weight.dims };
    tensors.set(values, { kind: "bytes", byteLength, bytes: () => unpackWeight(found), as });
    const here = dropped.get(graph) ?? { nodes: new Set(), initializers: new Set() };
    dropped.set(graph, here);
    for (const node of nodes) here.nodes.add(node);
    here.initializers.add(places.name);
    if (zeros !== null) here.initializers.add(zeros.name);
  }
  const graphs = new Map<OnnxGraph, GraphEdit>();
  for (const [graph, { nodes, initializers }] of dropped)
    graphs.set(graph, { dropNodes: nodes, keepInitializers: (name) => !initializers.has(name) });
  return { tensors, graphs };
}

/**
 * Reads a packed weight and expands it.
 *
 * @throws PruneError `bad-model` where values and places do not fit together, or the file is cut short
 */
export async function unpackWeight({ weight, values, places, zeros }: FoundWeight): Promise<Uint8Array> {
  const [kept, where] = [await readTensor(values), await readTensor(places)];
  const elements = unpackElements(weight, { values: kept, places: where, zeros: zeros && (await readTensor(zeros)) });
  return storedBytes(elements, weight);
}
