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
  viewOf,
} from "../../onnx/index.js";
import { storedBytes, unpackElements } from "./elements.js";
import { type FoundPacked, type FoundWeight, findPacked } from "./find-packed.js";

/** Edits of weights that are unpacked. */
export type UnpackEdits = Required<Pick<ModelEdits, "tensors" | "graphs">>;

/**
 * The edits that make packed weights initializers.
 *
 * @param found from `findPacked` of the same model
 * @returns edits whose bytes throw PruneError `bad-model` where values and places do not fit together
 */
export function unpackEdits(model: OnnxModel, { weights, shared }: FoundPacked): UnpackEdits {
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
 * The model with packed weights as initializers, for those who only look; see `viewOf`.
 *
 * @param found from `findPacked` of the same model
 */
export function viewUnpacked(model: OnnxModel, found: FoundPacked): OnnxModel {
  return viewOf(model, unpackEdits(model, found));
}

/** Expanded weights go to a runtime inside one message, which ends at 2 GiB; other parts of the model need room too. */
export const MOST_EXPANDED_BYTES = 2 ** 31 - 2 ** 26;

/**
 * The edits with which a runtime gets a model that has nothing left to fold, or null where nothing is packed, or more
 * than can be handed over expanded.
 *
 * @throws PruneError `bad-model` where the file is cut short; its bytes as for {@link unpackEdits}
 */
export async function expansionEdits(model: OnnxModel): Promise<UnpackEdits | null> {
  const found = await findPacked(model);
  const expanded = found.weights.reduce((sum, { weight }) => sum + byteLengthOf(weight.dataType, weight.dims), 0);
  return found.weights.length === 0 || expanded > MOST_EXPANDED_BYTES ? null : unpackEdits(model, found);
}

async function unpackWeight({ weight, values, places, zeros }: FoundWeight): Promise<Uint8Array> {
  const [kept, where] = [await readTensor(values), await readTensor(places)];
  const elements = unpackElements(weight, { values: kept, places: where, zeros: zeros && (await readTensor(zeros)) });
  return storedBytes(elements, weight);
}
