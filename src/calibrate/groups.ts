/**
 * Groups of weights in the order of the data's way: what a model is walked through by, either because the
 * second moments of all inputs do not fit in memory together, or because later groups are to see earlier ones pruned.
 */
import type { Graph, Model, Node, Target, TargetUse, Value } from "../graph/index.js";

/** How targets are grouped. */
export type GroupBy =
  /** The readers of every distinct input by themselves: q, k, v, then o, then gate, up, then down. */
  | { readonly kind: "input" }
  /** So many groups of whole blocks, or as many as there are blocks. */
  | { readonly kind: "blocks"; readonly groups: number }
  /** As many inputs at once as have moments of at most so many bytes, at least one. */
  | { readonly kind: "bytes"; readonly most: number };

/** Bytes that the second moments of an input with so many channels take while they are collected: in float64 here, packed, and in float32 as a run returns them. */
export const momentBytes = (channels: number): number => 4 * channels * (channels + 1) + 4 * channels * channels;

/** What the groups are for. */
export interface GroupUse {
  /** Each group takes a run of the whole model, so that what lies within a node can be parted too. */
  readonly areRuns: boolean;
}

/** Targets that cannot be parted. */
interface Unit {
  targets: Target[];
  /** What they read: activations, and nodes with the bodies in which they read. */
  readonly inputs: Map<Value | Node, number>;
  /** Index of the last node of the main graph that must have run, or less by up to a half where it is read within that. */
  depth: number;
}

/**
 * Groups of targets in the order in which the model computes their inputs. The readers of one activation are always
 * together, and so are all targets within the branches of one `If` that is walked through, because a node is never
 * cut. A weight that is used several times comes where it is used last.
 */
export function groupsOf(
  model: Model,
  targets: readonly Target[],
  by: GroupBy,
  { areRuns }: GroupUse = { areRuns: false },
): Target[][] {
  const units = unitsOf(model, targets, areRuns);
  switch (by.kind) {
    case "input":
      return units.map(({ targets }) => targets);
    case "bytes": {
      const groups: Unit[][] = [];
      let bytes = Number.POSITIVE_INFINITY;
      for (const unit of units) {
        const own = bytesOf(unit.inputs);
        if (bytes + own > by.most) {
          groups.push([]);
          bytes = 0;
        }
        groups.at(-1)?.push(unit);
        bytes += own;
      }
      return groups.map(targetsOf);
    }
    case "blocks": {
      // What belongs to no block goes with the one before it.
      const blocks: Unit[][] = [];
      let layer: number | null = null;
      for (const unit of units) {
        const own = unit.targets.reduce<number | null>(
          (most, { layer }) => (layer === null ? most : Math.max(most ?? 0, layer)),
          null,
        );
        if (blocks.length === 0 || (own !== null && layer !== null && own !== layer)) blocks.push([]);
        blocks.at(-1)?.push(unit);
        layer = own ?? layer;
      }
      const count = Math.min(Math.max(1, by.groups), blocks.length);
      const startOf = (group: number) => Math.round((group * blocks.length) / count);
      return Array.from({ length: count }, (_, k) => targetsOf(blocks.slice(startOf(k), startOf(k + 1)).flat()));
    }
    default:
      return by satisfies never;
  }
}

/** Bytes that the second moments of all inputs of a group take while they are collected. */
export function groupBytes(model: Model, group: readonly Target[], { areRuns }: GroupUse = { areRuns: false }): number {
  return unitsOf(model, group, areRuns).reduce((sum, { inputs }) => sum + bytesOf(inputs), 0);
}

const bytesOf = (inputs: Unit["inputs"]): number => [...inputs.values()].reduce((sum, one) => sum + one, 0);

const targetsOf = (units: readonly Unit[]): Target[] => units.flatMap(({ targets }) => targets);

function unitsOf(model: Model, targets: readonly Target[], areRuns: boolean): Unit[] {
  const places = placesIn(model.graph);
  const placesWithin = new Map<Graph, ReadonlyMap<Node, number>>();
  const byInput = new Map<Value | Node, Unit>();
  const units = new Set<Unit>();
  for (const target of targets) {
    const own: Unit = { targets: [target], inputs: new Map(), depth: -1 };
    for (const use of target.uses) {
      const [outermost, node] = inputOf(model, use);
      const input = areRuns ? use.activation : outermost;
      // Two branches of an If have moments of their own each.
      own.inputs.set(input, (node === input ? (own.inputs.get(input) ?? 0) : 0) + momentBytes(target.shape.in));
      const { graph } = use.node;
      const within = placesWithin.get(graph) ?? placesIn(graph);
      placesWithin.set(graph, within);
      // What is read within a node comes before what reads its outputs, and there too one after the other.
      const early = node === outermost ? 0.5 * (1 - (within.get(use.node) ?? 0) / within.size) : 0;
      own.depth = Math.max(own.depth, node === null ? -1 : (places.get(node) ?? -1) - early);
    }
    // All units that read one of these inputs become one, in the place of the first of them.
    const met = new Set([...own.inputs.keys()].flatMap((input) => byInput.get(input) ?? []));
    const [first = own, ...others] = met;
    units.add(first);
    for (const unit of first === own ? [] : [...others, own]) {
      first.targets.push(...unit.targets);
      for (const [input, bytes] of unit.inputs)
        first.inputs.set(input, isNode(input) ? (first.inputs.get(input) ?? 0) + bytes : bytes);
      first.depth = Math.max(first.depth, unit.depth);
      units.delete(unit);
    }
    for (const input of first.inputs.keys()) byInput.set(input, first);
  }
  return [...units].sort((a, b) => a.depth - b.depth);
}

const placesIn = ({ nodes }: Graph): ReadonlyMap<Node, number> => new Map(nodes.map((node, i) => [node, i]));

const isNode = (input: Value | Node): input is Node => "onnx" in input;

/** What is read, and the node of the main graph that makes it; where that lies in nested graphs, both are the node that has them. */
function inputOf(model: Model, { activation, node }: TargetUse): readonly [Value | Node, Node | null] {
  if (node.graph === model.graph) return [activation, activation.producer];
  let outermost = node;
  while (outermost.graph.parent !== null) outermost = outermost.graph.parent;
  return [outermost, outermost];
}
