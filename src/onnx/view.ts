/**
 * A model as it would be read after edits, without being written: for those who only look. Tensors
 * with new values have their bytes made when they are read.
 */
import { rememberSpan, spanOf } from "./origins.js";
import type {
  ByteSource,
  GraphEdit,
  ModelEdits,
  OnnxAttribute,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  TensorEdit,
} from "./types.js";

/** Edits that a view shows: new values of tensors, and nodes and initializers that go. */
export interface ViewEdits {
  readonly tensors: NonNullable<ModelEdits["tensors"]>;
  readonly graphs: ReadonlyMap<OnnxGraph, Pick<GraphEdit, "dropNodes" | "keepInitializers">>;
}

/**
 * The model after edits. Its tensors can be read; it cannot be edited or written, and lives as long as `model`.
 *
 * @throws TypeError where an edit refers to a file instead of bringing bytes
 */
export function viewOf(model: OnnxModel, edits: ViewEdits): OnnxModel {
  return { ...model, graph: viewOfGraph(model.graph, edits) };
}

function viewOfGraph(graph: OnnxGraph, edits: ViewEdits): OnnxGraph {
  const { dropNodes = new Set(), keepInitializers = () => true } = edits.graphs.get(graph) ?? {};
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => !dropNodes.has(node)).map((node) => viewOfNode(node, edits)),
    initializers: graph.initializers
      .filter(({ name }) => keepInitializers(name))
      .map((tensor) => {
        const edit = edits.tensors.get(tensor);
        return edit === undefined ? tensor : viewOfTensor(tensor, edit);
      }),
  };
}

/** Only a node with graphs inside is another one in the view. */
function viewOfNode(node: OnnxNode, edits: ViewEdits): OnnxNode {
  const hasGraphs = ({ graph, graphs }: OnnxAttribute) => graph !== null || graphs.length > 0;
  if (!node.attributes.some(hasGraphs)) return node;
  const attributes = node.attributes.map((attribute) => ({
    ...attribute,
    graph: attribute.graph && viewOfGraph(attribute.graph, edits),
    graphs: attribute.graphs.map((graph) => viewOfGraph(graph, edits)),
  }));
  return { ...node, attributes };
}

function viewOfTensor(tensor: OnnxTensor, edit: TensorEdit): OnnxTensor {
  if (edit.kind !== "bytes") throw new TypeError(`"${tensor.name}" has no bytes to view`);
  const { name, dims } = edit.as ?? tensor;
  const { byteLength: size } = edit;
  const source: ByteSource = {
    name: `"${name}", made of "${tensor.name}"`,
    size,
    read: async (offset, length) => (await edit.bytes()).subarray(offset, offset + length),
    close: async () => {},
  };
  // As if in a file of its own: the bytes are nowhere in the model's.
  const external = { location: name, offset: 0, length: size };
  const data = { kind: "raw", payload: { source, offset: 0, length: size }, external } as const;
  return rememberSpan({ ...tensor, name, dims, data }, spanOf(tensor));
}
