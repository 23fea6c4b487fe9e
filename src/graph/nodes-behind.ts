/** What must run for a value to be known: the runtime drops everything else when a graph has no other outputs. */
import type { Node, Value } from "./types.js";
import { allNodes } from "./walk.js";

/** All nodes that the values depend on, those that enclose nested graphs and all nodes of such graphs included. */
export function nodesBehind(values: readonly Value[]): ReadonlySet<Node> {
  const found = new Set<Node>();
  const waiting: (Node | null)[] = values.flatMap(({ producer, graph }) => [producer, graph.parent]);
  while (waiting.length > 0) {
    const node = waiting.pop() ?? null;
    if (node === null || found.has(node)) continue;
    found.add(node);
    waiting.push(node.graph.parent, ...node.inputs.map((input) => input?.producer ?? null));
    for (const { graph } of node.bodies) waiting.push(...allNodes(graph));
  }
  return found;
}
