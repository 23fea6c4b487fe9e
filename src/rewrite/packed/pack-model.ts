/**
 * Edits that pack weights of a model: the initializer becomes the kept values under another name,
 * mask or codes join it, and nodes in front of all others make a value of the old name.
 */
import { PruneError } from "../../errors.js";
import {
  byteLengthOf,
  type GraphEdit,
  graphsOf,
  type ModelEdits,
  type NewNode,
  type NewTensor,
  type OnnxGraph,
  type OnnxModel,
  type OnnxTensor,
  type TensorEdit,
} from "../../onnx/index.js";
import { elementsIn, packValues } from "./elements.js";
import { expansionOf, SMALLEST_OPSET } from "./expansion.js";
import { placesName, valuesName, zerosName } from "./names.js";
import { type PackedWeight, packedDims, slotsOf, UINT8 } from "./packed-weight.js";
import { slotCodes } from "./slots.js";

/** A tensor with the way it is packed. */
export interface Packed {
  readonly weight: PackedWeight;
  readonly tensor: OnnxTensor;
  /** The mask, one bit an element in storage order. */
  readonly bits: Uint8Array;
  /** Reads the tensor. What the mask drops may have any value. */
  readonly read: () => Promise<Uint8Array>;
  /** The codes of zero, where they differ. */
  readonly zeros?: Uint8Array;
}

/**
 * Why a tensor of the model cannot be packed, in words, or null where it can: it must be an
 * initializer that nothing but nodes read.
 */
export function packingObstacle(model: OnnxModel, tensor: OnnxTensor): string | null {
  const graph = homeOf(model, tensor);
  if (graph === undefined) return "its values lie inside a node";
  if (graph.outputs.some(({ name }) => name === tensor.name)) return "it is an output of the model";
  return graph.inputs.some(({ name }) => name === tensor.name) ? "an input of the model may replace it" : null;
}

/** Whether the model's operator set has the operators that expand weights. */
export function canPack(model: OnnxModel): boolean {
  return opsetOf(model) >= SMALLEST_OPSET;
}

function opsetOf({ opsetImports }: OnnxModel): number {
  return opsetImports.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 1;
}

function refuseOldModel(model: OnnxModel): void {
  if (canPack(model)) return;
  const version = opsetOf(model);
  throw new PruneError(
    "unsupported",
    `${model.name} uses operator set ${version}; packed weights need ${SMALLEST_OPSET} or later: ` +
      'export the model again, or leave the encoding "dense"',
    { details: { file: model.name, expected: SMALLEST_OPSET, found: version } },
  );
}

/**
 * The edits that pack weights. Bytes are read and packed when they are asked for, one tensor at a time.
 *
 * @param packed tensors without {@link packingObstacle}
 * @throws PruneError `unsupported` where the model's operator set is too old, see {@link canPack}
 */
export function packEdits(
  model: OnnxModel,
  packed: readonly Packed[],
): Required<Pick<ModelEdits, "tensors" | "graphs">> {
  refuseOldModel(model);
  const tensors = new Map<OnnxTensor, TensorEdit>();
  const drafts = new Map<OnnxGraph, { nodes: NewNode[]; initializers: NewTensor[] }>();
  const draftOf = (graph: OnnxGraph) => {
    const draft = drafts.get(graph) ?? { nodes: [], initializers: [] };
    drafts.set(graph, draft);
    return draft;
  };
  const shared = new Map<string, NewNode>();
  const constants = new Map<string, NewTensor>();
  for (const one of packed) {
    const expansion = expansionOf(one.weight);
    for (const node of expansion.shared) shared.set(node.name, node);
    for (const constant of expansion.constants) constants.set(constant.name, constant);
    const { nodes, initializers } = draftOf(homeOf(model, one.tensor) as OnnxGraph);
    nodes.push(...expansion.nodes);
    initializers.push(...ownTensors(one));
    tensors.set(one.tensor, valuesEdit(one));
  }
  // What weights share lies in the main graph, where nested graphs see it too.
  if (packed.length > 0) {
    const main = draftOf(model.graph);
    main.nodes.unshift(...shared.values());
    main.initializers.push(...constants.values());
  }
  const graphs = new Map<OnnxGraph, GraphEdit>();
  for (const [graph, { nodes, initializers }] of drafts)
    graphs.set(graph, { prependNodes: nodes, addInitializers: initializers });
  return { tensors, graphs };
}

/** The kept values, in the place of the initializer. */
function valuesEdit({ weight, bits, read }: Packed): TensorEdit {
  const dims = packedDims(weight).values;
  const bytes = async (): Promise<Uint8Array> => packValues(elementsIn(await read(), weight), bits, weight);
  const as = { name: valuesName(weight.name), dims };
  return { kind: "bytes", byteLength: byteLengthOf(weight.dataType, dims), bytes, as };
}

/** Where the kept values belong: the mask itself, or codes that are made of it; and the zeros, where they differ. */
function ownTensors({ weight, bits, zeros }: Packed): NewTensor[] {
  const { name, form } = weight;
  const bytes = form.kind === "mask" ? bits : () => slotCodes(bits, slotsOf(weight, form));
  const places = { name: placesName(name), dataType: UINT8, dims: packedDims(weight).places, bytes };
  if (weight.zeros.kind === "one") return [places];
  if (zeros === undefined) throw new TypeError(`"${name}" comes without its zeros`);
  return [places, { name: zerosName(name), dataType: UINT8, dims: weight.zeros.dims, bytes: zeros }];
}

/** The graph that holds a tensor as an initializer. */
function homeOf(model: OnnxModel, tensor: OnnxTensor): OnnxGraph | undefined {
  for (const graph of graphsOf(model.graph)) if (graph.initializers.includes(tensor)) return graph;
  return undefined;
}
