/** Ways through a model that more than one file of this room needs. */
import type { Graph, Node, Value } from "./types.js";

/** All nodes in file order, each followed by the nodes of its bodies. */
export function* allNodes(graph: Graph): Generator<Node> {
  for (const node of graph.nodes) {
    yield node;
    for (const body of node.bodies) yield* allNodes(body.graph);
  }
}

/** All values of a graph and of the graphs nested in it. */
export function* allValues(graph: Graph): Generator<Value> {
  yield* graph.values.values();
  for (const node of graph.nodes) for (const body of node.bodies) yield* allValues(body.graph);
}

/** Whether the node is `opType` of the standard operator set; other domains reuse the names for other things. */
export function isStandard(node: Node, opType: string): boolean {
  return node.onnx.opType === opType && (node.onnx.domain === "" || node.onnx.domain === "ai.onnx");
}

/** Whether the node is `opType` of ONNX Runtime's own operators. */
export function isContrib(node: Node, opType: string): boolean {
  return node.onnx.opType === opType && node.onnx.domain === "com.microsoft";
}

/** An integer attribute, or what stands where the node does not give it. */
export function intAttribute(node: Node, name: string, absent: number): number {
  return node.onnx.attributes.find((attribute) => attribute.name === name)?.i ?? absent;
}

/** Whether the node is one of several operators of the standard set. */
export function isOneOf(node: Node, opTypes: readonly string[]): boolean {
  return opTypes.some((opType) => isStandard(node, opType));
}

/** Whether the node shows the numbers of its first input in another shape or type, all in their order. */
export function showsChannels(node: Node): boolean {
  return isOneOf(node, ["Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"]);
}

/** The value that an activation shows in another shape or type. */
export function behindShapes(activation: Value): Value {
  let value = activation;
  // Exporters write two or three such nodes; a longer way would be walked for every layer behind it.
  for (let steps = 0; steps < 8; steps++) {
    const { producer } = value;
    const from = producer !== null && showsChannels(producer) ? producer.inputs[0] : null;
    if (!from) break;
    value = from;
  }
  return value;
}
