/**
 * Cuts a graph into parts that can be run one after the other, so that only the weights of one part
 * need to be in memory. Any graph can be cut between two of its nodes: what nodes before the cut
 * compute and nodes after it read is carried across. Cuts are made where little crosses, which in
 * stacked blocks is between them. A node with bodies (If, Loop) is never cut.
 */
import { byteLengthOf, graphsOf, type OnnxTensor } from "../onnx/index.js";
import type { Model, Node, Value } from "./types.js";

/** Some nodes of a model's main graph, with what they need. */
export interface GraphPart {
  readonly nodes: ReadonlySet<Node>;
  /** Initializers of the main graph that they read. */
  readonly initializers: ReadonlySet<OnnxTensor>;
  /** Bytes of these initializers and of what the nodes hold themselves, as they are stored. */
  readonly bytes: number;
  /** What earlier parts computed and this one reads. */
  readonly takes: readonly Value[];
  /** What this part computes and later ones read. */
  readonly gives: readonly Value[];
}

/**
 * Cuts what `wanted` needs into parts of at most `mostBytes` of initializers each, or of one node
 * where that alone has more. Nodes that nothing wanted depends on, such as the head, are in no part.
 * What depends on no input that must be fed (weights behind a Transpose or DequantizeLinear) is never
 * carried but computed in every part that reads it.
 *
 * @param wanted values of the main graph, and nodes of it, that must be computed
 * @returns parts in order; their inputs are the graph's own and `takes`
 */
export function cutIntoParts(
  { graph }: Model,
  wanted: { readonly values: Iterable<Value>; readonly nodes: Iterable<Node> },
  mostBytes: number,
): GraphPart[] {
  const reads = readsOf(graph.nodes);
  const roots = [...wanted.nodes, ...[...wanted.values].flatMap(({ producer }) => producer ?? [])];
  const order = inOrder(roots, reads);
  const running = runningNodes(order, reads);
  const steps = order.filter((node) => running.has(node));
  const wantedConstants = roots.filter((node) => !running.has(node));
  const cuts = chooseCuts(steps, reads, running, mostBytes);
  const ranges = cuts.map((start, i) => steps.slice(start, cuts[i + 1] ?? steps.length));
  const partOf = new Map(ranges.flatMap((nodes, i) => nodes.map((node) => [node, i] as const)));
  const madeIn = ({ producer }: Value) => (producer === null ? undefined : partOf.get(producer));
  const taken = ranges.map((nodes, i) => {
    const values = new Set(nodes.flatMap((node) => reads.get(node) ?? []));
    return [...values].filter((value) => (madeIn(value) ?? i) < i);
  });
  const crossing = [...new Set(taken.flat())];
  return ranges.map((nodes, i) => {
    const {
      nodes: all,
      initializers,
      bytes,
    } = new Gathered(reads, running).add(i === 0 ? wantedConstants : []).add(nodes);
    const gives = crossing.filter((value) => madeIn(value) === i);
    return { nodes: all, initializers, bytes, takes: taken[i] as Value[], gives };
  });
}

/** Values of the main graph that each of its nodes reads, itself or in its bodies. */
function readsOf(nodes: readonly Node[]): ReadonlyMap<Node, readonly Value[]> {
  return new Map(nodes.map((node) => [node, [...new Set(valuesRead(node, node))]]));
}

function* valuesRead(node: Node, outermost: Node): Generator<Value> {
  for (const input of node.inputs) if (input?.graph === outermost.graph) yield input;
  for (const { graph } of node.bodies) {
    for (const inner of graph.nodes) yield* valuesRead(inner, outermost);
  }
}

/** The nodes that `roots` depend on, each after those it reads from. Without recursion: chains of 100,000 nodes exist. */
function inOrder(roots: readonly Node[], reads: ReadonlyMap<Node, readonly Value[]>): Node[] {
  const done = new Set<Node>();
  const stack = [...roots].reverse();
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    const missing = (reads.get(node) ?? []).flatMap(({ producer }) =>
      producer === null || done.has(producer) ? [] : [producer],
    );
    if (done.has(node) || missing.length === 0) {
      stack.pop();
      done.add(node);
    } else stack.push(...missing.reverse());
  }
  return [...done];
}

/** Nodes that depend on an input which must be fed. */
function runningNodes(order: readonly Node[], reads: ReadonlyMap<Node, readonly Value[]>): ReadonlySet<Node> {
  const running = new Set<Node>();
  for (const node of order) {
    const isFed = ({ isGraphInput, initializer, producer }: Value) =>
      (isGraphInput && initializer === null) || (producer !== null && running.has(producer));
    if ((reads.get(node) ?? []).some(isFed)) running.add(node);
  }
  return running;
}

/** Nodes of a part while they are gathered, with the constants that they read. */
class Gathered {
  readonly nodes = new Set<Node>();
  readonly initializers = new Set<OnnxTensor>();
  bytes = 0;

  constructor(
    private readonly reads: ReadonlyMap<Node, readonly Value[]>,
    private readonly running: ReadonlySet<Node>,
  ) {}

  add(nodes: readonly Node[]): this {
    const left = [...nodes];
    for (let node = left.pop(); node !== undefined; node = left.pop()) {
      if (this.nodes.has(node)) continue;
      this.nodes.add(node);
      this.bytes += bytesWithin(node);
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

/** Bytes of what a node holds itself: a Constant's value, and all weights in its bodies. */
function bytesWithin({ onnx, bodies }: Node): number {
  const held = onnx.attributes.flatMap(({ tensor }) => tensor ?? []);
  const graphs = bodies.flatMap(({ graph }) => [...graphsOf(graph.onnx)]);
  const constants = graphs.flatMap(({ nodes }) => nodes.flatMap(({ attributes }) => attributes));
  const all = [
    ...held,
    ...graphs.flatMap(({ initializers }) => initializers),
    ...constants.flatMap(({ tensor }) => tensor ?? []),
  ];
  return all.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
}

/** Of tensors whose values are text, nobody knows before they are read; they are never weights. */
const bytesOf = ({ dataType, dims }: OnnxTensor): number => (dataType === STRING ? 0 : byteLengthOf(dataType, dims));
const STRING = 8;

/**
 * Where parts begin, as indices of `steps`. A part is filled until the next node would not fit; then it
 * ends where the fewest values cross, among the places behind which it is at least half full.
 */
function chooseCuts(
  steps: readonly Node[],
  reads: ReadonlyMap<Node, readonly Value[]>,
  running: ReadonlySet<Node>,
  mostBytes: number,
): number[] {
  const crossing = crossings(steps, reads);
  const cuts = [0];
  for (let start = 0; ; ) {
    const part = new Gathered(reads, running);
    const filled: number[] = [];
    let end = start;
    for (; end < steps.length; end++) {
      part.add([steps[end] as Node]);
      if (part.bytes > mostBytes && end > start) break;
      filled.push(part.bytes);
    }
    if (end === steps.length) return cuts;
    let best = end;
    for (let place = end; place > start; place--) {
      if (2 * (filled[place - 1 - start] as number) < (filled.at(-1) as number)) break;
      if ((crossing[place] as number) < (crossing[best] as number)) best = place;
    }
    cuts.push(best);
    start = best;
  }
}

/** How many values that steps compute cross the place before each step. */
function crossings(steps: readonly Node[], reads: ReadonlyMap<Node, readonly Value[]>): number[] {
  const at = new Map(steps.map((node, i) => [node, i]));
  const change = new Array<number>(steps.length + 1).fill(0);
  const last = new Map<Value, number>();
  for (const [i, node] of steps.entries()) for (const value of reads.get(node) ?? []) last.set(value, i);
  for (const [value, end] of last) {
    const start = value.producer === null ? undefined : at.get(value.producer);
    if (start === undefined) continue;
    change[start + 1] = (change[start + 1] as number) + 1;
    change[end + 1] = (change[end + 1] as number) - 1;
  }
  let open = 0;
  return change.map((step) => {
    open += step;
    return open;
  });
}
