/**
 * Refuses graphs whose nodes wait for each other. A node also waits for what its bodies read from
 * outside, so an If whose branch uses the If's own result is a cycle. Sorting is Kahn's, without
 * recursion: chains of 100,000 nodes exist.
 */
import { PruneError } from "../errors.js";
import { nodeLabel } from "./describe.js";
import type { Graph, Node } from "./types.js";

/**
 * Checks a graph and all graphs nested in it.
 * @throws PruneError `bad-graph` naming the nodes of one cycle
 */
export function checkAcyclic(graph: Graph, file: string): void {
  const blocked = nodesNeverReady(graph);
  if (blocked.size > 0) throw cycleError(oneCycle(blocked), file);
  for (const node of graph.nodes) for (const body of node.bodies) checkAcyclic(body.graph, file);
}

/** Nodes that lie on a cycle or behind one. */
function nodesNeverReady(graph: Graph): Set<Node> {
  const waitsFor = new Map<Node, number>();
  for (const node of graph.nodes) {
    for (const reader of readers(node)) waitsFor.set(reader, (waitsFor.get(reader) ?? 0) + 1);
  }
  const ready = graph.nodes.filter((node) => !waitsFor.has(node));
  for (let node = ready.pop(); node; node = ready.pop()) {
    for (const reader of readers(node)) {
      const left = (waitsFor.get(reader) ?? 0) - 1;
      if (left > 0) waitsFor.set(reader, left);
      else {
        waitsFor.delete(reader);
        ready.push(reader);
      }
    }
  }
  return new Set(waitsFor.keys());
}

/** Nodes of the same graph that read an output of `node`, themselves or in their bodies; once for each use. */
function* readers(node: Node): Generator<Node> {
  for (const output of node.outputs) {
    for (const use of output.uses) {
      let reader = use.node;
      while (reader.graph !== node.graph) reader = reader.graph.parent as Node;
      yield reader;
    }
  }
}

/** Each blocked node waits for a blocked one, so walking upstream must come round. */
function oneCycle(blocked: ReadonlySet<Node>): Node[] {
  const waitsFor = new Map<Node, Node>();
  for (const node of blocked) for (const reader of readers(node)) if (blocked.has(reader)) waitsFor.set(reader, node);
  const seen = new Set<Node>();
  let node = [...blocked][0] as Node;
  while (!seen.has(node)) {
    seen.add(node);
    node = waitsFor.get(node) as Node;
  }
  const path = [...seen];
  return path.slice(path.indexOf(node)).reverse();
}

function cycleError(cycle: readonly Node[], file: string): PruneError {
  const labels = cycle.map(nodeLabel);
  const shown = labels.length > 4 ? [...labels.slice(0, 3), `${labels.length - 3} more`] : labels;
  return new PruneError(
    "bad-graph",
    `${file}: ${labels.length === 1 ? `${shown[0]} reads its own result` : `nodes wait for each other in a cycle: ${shown.join(", ")}`}; no runtime can run this graph, export the model again`,
    { details: { file, node: labels[0] ?? "", cycleLength: labels.length } },
  );
}
