/** The way through nested graphs, for whoever needs all nodes or initializers of a model. */
import type { OnnxGraph } from "./types.js";

/** A graph and the graphs in its nodes' attributes (bodies of If, Loop, Scan), at any depth. */
export function* graphsOf(graph: OnnxGraph): Generator<OnnxGraph> {
  yield graph;
  for (const node of graph.nodes)
    for (const attribute of node.attributes) {
      if (attribute.graph !== null) yield* graphsOf(attribute.graph);
      for (const nested of attribute.graphs) yield* graphsOf(nested);
    }
}
