/**
 * Cuts a graph into parts that can be run one after the other, so that only the weights of one part
 * need to be in memory, or so that weights can change between two parts. Any graph can be cut between two of
 * its nodes: what nodes before the cut compute and nodes after it read is carried across. Cuts that only serve
 * memory are made where little crosses, which in stacked blocks is between them. A node with bodies (If, Loop)
 * is never cut.
 */
import type { OnnxTensor } from "../onnx/index.js";
import { Gathered, inOrder, type Reads, readsOf, runningNodes, tensorsWithin } from "./flow.js";
import type { Model, Node, Value } from "./types.js";

/** Some nodes of a model's main graph, with what they need. */
export interface GraphPart {
  readonly nodes: ReadonlySet<Node>;
  /** Initializers of the main graph that they read. */
  readonly initializers: ReadonlySet<OnnxTensor>;
  /** Bytes of these initializers and of what the nodes hold themselves, as they are stored. */
  readonly bytes: number;
  /** What earlier parts computed and this one reads, or is to hand on. */
  readonly takes: readonly Value[];
  /** What this part computes and later ones take. */
  readonly gives: readonly Value[];
}

/** What must be computed: values of the main graph, and nodes of it. */
export interface Wanted {
  readonly values: readonly Value[];
  readonly nodes: readonly Node[];
}

/** Something to be computed before tensors change. */
export interface Stage {
  readonly wanted: Wanted;
  /** Tensors that may have other values in all later stages. */
  readonly edited: ReadonlySet<OnnxTensor>;
}

/**
 * Cuts what `wanted` needs into parts of at most `mostBytes` of initializers each, or of one node
 * where that alone has more. Nodes that nothing wanted depends on, such as the head, are in no part.
 * What depends on no input that must be fed (weights behind a Transpose or DequantizeLinear) is never
 * carried but computed in every part that reads it.
 *
 * @returns parts in order; their inputs are the graph's own and `takes`
 */
export function cutIntoParts(model: Model, wanted: Wanted, mostBytes: number): GraphPart[] {
  return cutIntoStages(model, [{ wanted, edited: new Set() }], mostBytes)[0] as GraphPart[];
}

/**
 * Cuts a graph into stages, and each of them into parts as {@link cutIntoParts}. A stage computes what it wants of
 * what earlier ones left; every node runs once, but for those that a stage wants although a tensor they depend on
 * may change after it: they run again where they are next needed, so that later stages see the changed model and
 * nothing else. (Such are norms that are retrained with the layers that read them, and weights used twice.)
 *
 * @param mostBytes most bytes of initializers in a part
 * @returns the parts of each stage, in order; where nothing is left to be computed, one part that only takes
 */
export function cutIntoStages({ graph }: Model, stages: readonly Stage[], mostBytes: number): GraphPart[][] {
  const reads = readsOf(graph.nodes);
  const rootsOf = ({ nodes, values }: Wanted) => [...nodes, ...values.flatMap(({ producer }) => producer ?? [])];
  const order = inOrder(
    stages.flatMap(({ wanted }) => rootsOf(wanted)),
    reads,
  );
  const running = runningNodes(order, reads);
  const settled = settledAt(order, reads, stages);
  /** Nodes that need not run again. */
  const known = new Set<Node>();
  /** The part that has a node's current results. */
  const madeBy = new Map<Node, { readonly gives: Set<Value> }>();
  return stages
    .map(({ wanted }, stage) => {
      const roots = rootsOf(wanted);
      const steps = inOrder(roots, reads, known).filter((node) => running.has(node));
      const cuts = chooseCuts(steps, reads, running, mostBytes);
      const parts = cuts.map((start, i) => {
        const nodes = steps.slice(start, cuts[i + 1] ?? steps.length);
        const read = new Set(nodes.flatMap((node) => reads.get(node) ?? []));
        // What is wanted and known already: the stage's last part hands it on.
        if (i === cuts.length - 1)
          for (const value of wanted.values) if (value.producer !== null && known.has(value.producer)) read.add(value);
        const part = { gives: new Set<Value>() };
        const takes: Value[] = [];
        for (const node of nodes) madeBy.set(node, part);
        for (const value of read) {
          const maker = value.producer === null ? undefined : madeBy.get(value.producer);
          if (maker === undefined || maker === part) continue;
          takes.push(value);
          maker.gives.add(value);
        }
        const constants = i === 0 ? roots.filter((node) => !running.has(node)) : [];
        const gathered = new Gathered(reads, running).add(constants).add(nodes);
        return { nodes: gathered.nodes, initializers: gathered.initializers, bytes: gathered.bytes, takes, ...part };
      });
      for (const node of steps) if ((settled.get(node) ?? 0) <= stage) known.add(node);
      return parts;
    })
    .map((parts) => parts.map(({ gives, ...part }): GraphPart => ({ ...part, gives: [...gives] })));
}

/** From which stage on the results of each node are those of all later stages. */
function settledAt(order: readonly Node[], reads: Reads, stages: readonly Stage[]): ReadonlyMap<Node, number> {
  const changed = new Map<OnnxTensor, number>();
  for (const [stage, { edited }] of stages.entries()) for (const tensor of edited) changed.set(tensor, stage + 1);
  const settled = new Map<Node, number>();
  for (const node of order) {
    const within = changed.size === 0 ? [] : tensorsWithin(node);
    const read = (reads.get(node) ?? []).map(({ producer, initializer }) =>
      initializer !== null ? changed.get(initializer) : producer === null ? 0 : settled.get(producer),
    );
    settled.set(node, Math.max(0, ...within.map((one) => changed.get(one) ?? 0), ...read.map((one) => one ?? 0)));
  }
  return settled;
}

/**
 * Where parts begin, as indices of `steps`. A part is filled until the next node would not fit; then it
 * ends where the fewest values cross, among the places behind which it is at least half full.
 */
function chooseCuts(steps: readonly Node[], reads: Reads, running: ReadonlySet<Node>, mostBytes: number): number[] {
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
function crossings(steps: readonly Node[], reads: Reads): number[] {
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
