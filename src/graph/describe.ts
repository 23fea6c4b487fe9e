/** How messages name a node and a definition, so that a reader finds them in a graph viewer. */
import type { Node, Value } from "./types.js";

/** `MatMul node "/layers.0/q_proj/MatMul"`; a node without a name is told by its first output. */
export function nodeLabel(node: Node): string {
  const { name, opType, outputs } = node.onnx;
  return name !== "" ? `${opType} node "${name}"` : `the unnamed ${opType} node that makes "${outputs[0] ?? ""}"`;
}

/** What defines a value: a node, a graph input or an initializer. */
export function describeDefinition(value: Value): string {
  if (value.producer) return nodeLabel(value.producer);
  if (value.isGraphInput) return value.initializer ? "a graph input with a default" : "a graph input";
  return value.initializer ? "an initializer" : "a sparse initializer";
}
