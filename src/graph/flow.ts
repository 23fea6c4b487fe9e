/**
 * What nodes of a main graph read from one another: the order in which they can run, which of them run
 * again for every sample, and which constants they bring along. Nested graphs count as part of their node.
 */
import { byteLengthOf, graphsOf, type OnnxTensor } from "../onnx/index.js";
import type { Node, Value } from "./types.js";

/** Values of the main graph that each of its nodes reads, itself or in its bodies. */
export type Reads = ReadonlyMap<Node, readonly Value[]>;

/** What each of these nodes reads; they are all of a main graph. */
export function readsOf(nodes: readonly Node[]): Reads {
  return new Map(nodes.map((node) => [node, [...new Set(valuesRead(node, node))]]));
}

function* valuesRead(node: Node, outermost: Node): Generator<Value> {
  for (const input of node.inputs) if (input?.graph === outermost.graph) yield input;
  for (const { graph } of node.bodies) {
    for (const inner of graph.nodes) yield* valuesRead(inner, outermost);
  }
}

/**
 * The nodes that `roots` depend on, each after those it reads from, without those that are known and what only they
 * depend on. Without recursion: chains of 100,000 nodes exist.
 */
export function inOrder(roots: readonly Node[], reads: Reads, known: ReadonlySet<Node> = new Set()): Node[] {
  const done = new Set<Node>();
  const stack = roots.filter((node) => !known.has(node)).reverse();
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    const missing = (reads.get(node) ?? []).flatMap(({ producer }) =>
      producer === null || done.has(producer) || known.has(producer) ? [] : [producer],
    );
    if (done.has(node) || missing.length === 0) {
      stack.pop();
      done.add(node);
    } else stack.push(...missing.reverse());
  }
  return [...done];
}

/** Nodes that depend on an input which must be fed; `order` is one of {@link inOrder}. */
export function runningNodes(order: readonly Node[], reads: Reads): ReadonlySet<Node> {
  const running = new Set<Node>();
  for (const node of order) {
    const isFed = ({ isGraphInput, initializer, producer }: Value) =>
      (isGraphInput && initializer === null) || (producer !== null && running.has(producer));
    if ((reads.get(node) ?? []).some(isFed)) running.add(node);
  }
  return running;
}

/** Nodes while they are gathered, with the constants that they read. */
export class Gathered {
  readonly nodes = new Set<Node>();
  readonly initializers = new Set<OnnxTensor>();
  bytes = 0;

  constructor(
    private readonly reads: Reads,
    private readonly running: ReadonlySet<Node>,
  ) {}

  add(nodes: readonly Node[]): this {
    const left = [...nodes];
    for (let node = left.pop(); node !== undefined; node = left.pop()) {
      if (this.nodes.has(node)) continue;
      this.nodes.add(node);
      for (const tensor of tensorsWithin(node)) this.bytes += bytesOf(tensor);
      for (const { producer, initializer } of this.reads.get(node) ?? []) {
        if (producer !== null && !this.running.has(producer)) left.push(producer);
        if (initializer === null || this.initializers.has(initializer)) continue;
        this.initializers.add(initializer);
        this.bytes += bytesOf(initializer);
      }
    }
    return this;
  }
}

/** Tensors that a node holds itself: a Constant's value, and all weights in its bodies. */
export function tensorsWithin({ onnx, bodies }: Node): OnnxTensor[] {
  const graphs = bodies.flatMap(({ graph }) => [...graphsOf(graph.onnx)]);
  const nodes = [onnx, ...graphs.flatMap(({ nodes }) => nodes)];
  const held = nodes.flatMap(({ attributes }) => attributes.flatMap(({ tensor }) => tensor ?? []));
  return [...held, ...graphs.flatMap(({ initializers }) => initializers)];
}

/** Of tensors whose values are text, nobody knows before they are read; they are never weights. */
const bytesOf = ({ dataType, dims }: OnnxTensor): number => (dataType === STRING ? 0 : byteLengthOf(dataType, dims));
const STRING = 8;
