/**
 * Feed-forward blocks, found by what their nodes compute and not by names: a layer whose input is an activation
 * of another layer's output, down(act(up(x))), or that times a third layer's output, down(act(gate(x)) · up(x)).
 */
import { type Activation, activationOf, type Expression, expressionOf } from "./activations.js";
import { type BiasPlace, findBias } from "./biases.js";
import { nodeLabel } from "./describe.js";
import { readScalars, type Scalars } from "./scalars.js";
import type { StoredVector } from "./stored-vector.js";
import type { Model, Target, TargetUse, Value } from "./types.js";
import { behindShapes, isStandard } from "./walk.js";

/** A feed-forward block of linear layers. */
export interface FeedForward {
  /** null for plain blocks. */
  readonly gate: Target | null;
  /** The layer whose output is multiplied with the activated gate; of plain blocks, the one that is activated. */
  readonly up: Target;
  readonly down: Target;
  /** Of gate, or of up where there is none. */
  readonly activation: Activation;
  /** What gate and up read, [..., in]; for each branch of the graph in which the block stands. */
  readonly inputs: readonly [Value, ...Value[]];
  /** Biases that the file holds, [out] each. */
  readonly biases: {
    readonly gate: StoredVector | null;
    readonly up: StoredVector | null;
    readonly down: StoredVector | null;
  };
}

/** A layer behind something like a feed-forward block that was not recognised. */
export interface RefusedFeedForward {
  readonly down: Target;
  /** As a sentence's end. */
  readonly reason: string;
}

/** Feed-forward blocks of a model. */
export interface FoundFeedForwards {
  readonly feedForwards: readonly FeedForward[];
  readonly refused: readonly RefusedFeedForward[];
}

/** One use of a block's last layer, with the layers in front of it. */
type Front = Pick<FeedForward, "gate" | "up" | "activation"> & { readonly input: Value };

/** Values that are outputs of layers, with their bias or before it. */
type Outputs = ReadonlyMap<Value, { readonly target: Target; readonly use: TargetUse }>;

/**
 * All feed-forward blocks whose layers are among `targets`, convolutions apart. Layers that have no activation of
 * another layer before them, such as those of attention, are in neither list.
 *
 * @throws PruneError as `readTensor` does, for the constants of activations
 */
export async function findFeedForwards({ graph }: Model, targets: readonly Target[]): Promise<FoundFeedForwards> {
  const scalars = await readScalars(graph);
  const linear = targets.filter(({ uses }) => uses.every(({ window }) => window === undefined));
  const outputs = outputsOf(linear);
  const feedForwards: FeedForward[] = [];
  const refused: RefusedFeedForward[] = [];
  for (const down of linear) {
    const fronts: Front[] = [];
    let reason: string | null = null;
    for (const use of down.uses) {
      const front = frontOf(down, use, outputs, scalars);
      if (typeof front === "string") reason ??= front;
      else if (front !== null) fronts.push(front);
    }
    const [first, ...others] = fronts;
    if (first !== undefined && (fronts.length < down.uses.length || others.some((front) => !isSame(front, first))))
      reason ??= "it stands behind other layers in another part of the graph";
    const scaled = first === undefined ? undefined : [first.gate, first.up, down].find(hasScaledBias);
    if (scaled) reason ??= `weight "${scaled.name}" has a bias that its operator scales (beta)`;
    if (reason !== null) refused.push({ down, reason });
    else if (first !== undefined) feedForwards.push(blockOf(down, [first, ...others]));
  }
  return { feedForwards, refused };
}

const isSame = (a: Front, b: Front): boolean => a.gate === b.gate && a.up === b.up && a.activation === b.activation;

function blockOf(down: Target, fronts: readonly [Front, ...Front[]]): FeedForward {
  const [{ gate, up, activation, input }, ...others] = fronts;
  return {
    ...{ gate, up, down, activation },
    inputs: [input, ...others.map((front) => front.input)],
    biases: { gate: gate && biasOf(gate), up: biasOf(up), down: biasOf(down) },
  };
}

function storedBiases(target: Target): readonly Extract<BiasPlace, { kind: "stored" }>[] {
  const places = findBias(target);
  return typeof places === "string" ? [] : places.filter((place) => place.kind === "stored");
}

const biasOf = (target: Target): StoredVector | null => storedBiases(target)[0]?.vector ?? null;

/** Whether what is stored is not what is added. */
const hasScaledBias = (target: Target | null): boolean =>
  target !== null && storedBiases(target).some(({ factor }) => factor !== 1);

function outputsOf(targets: readonly Target[]): Outputs {
  const outputs = new Map<Value, { target: Target; use: TargetUse }>();
  for (const target of targets) {
    const places = findBias(target);
    for (const [k, use] of target.uses.entries()) {
      outputs.set(use.result, { target, use });
      const withBias = typeof places === "string" ? null : places[k]?.result;
      if (withBias) outputs.set(withBias, { target, use });
    }
  }
  return outputs;
}

/** What stands before one use of a layer; null where that is no activation of layers, a reason where it nearly is one. */
function frontOf(down: Target, use: TargetUse, outputs: Outputs, scalars: Scalars): Front | string | null {
  const isOutput = (value: Value) => outputs.has(value);
  const expression = expressionOf(use.activation, isOutput, scalars);
  if (expression === null) return packedFront(use.activation, outputs, scalars);
  // The way from a layer to the next without a function is no feed-forward block.
  const layers = expression.leaves.flatMap((leaf) => outputs.get(leaf) ?? []);
  const [a, b] = layers;
  if (a === undefined || layers.length > 2 || isPlain(expression)) return null;
  const odd = layers.find(({ target }) => target.shape.out !== down.shape.in);
  if (odd !== undefined)
    return `weight "${odd.target.name}" has ${odd.target.shape.out} output rows for its ${down.shape.in} input channels`;
  const reader = readerBeside(use, expression);
  if (reader !== null) return `${reader} reads what lies between its layers as well`;
  const input = a.use.activation;
  if (b === undefined) {
    const activation = activationOf((x) => expression.compute([x]));
    return activation === null ? UNKNOWN : { gate: null, up: a.target, activation, input };
  }
  if (behindShapes(b.use.activation) !== behindShapes(input))
    return `weights "${a.target.name}" and "${b.target.name}" before it read different inputs`;
  const gateFirst = gated((gate, up) => expression.compute([gate, up]));
  if (gateFirst !== null) return { gate: a.target, up: b.target, activation: gateFirst, input };
  const gateSecond = gated((gate, up) => expression.compute([up, gate]));
  return gateSecond === null ? UNKNOWN : { gate: b.target, up: a.target, activation: gateSecond, input };
}

const UNKNOWN = "its input is a function of layers that is none of silu, gelu, gelu-tanh and relu";

/** Whether an expression hands its one leaf on as it is, or only adds leaves: a residual, not an activation. */
function isPlain({ leaves, compute }: Expression): boolean {
  const numbers = leaves.map((_, k) => 0.7 + k);
  const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
  return [numbers, numbers.map((one) => -2 * one)].every((all) => Math.abs(compute(all) - sum(all)) < 1e-6);
}

/** The activation of the first number where the function is that times the second; null where it is not. */
function gated(compute: (gate: number, up: number) => number): Activation | null {
  const activation = activationOf((x) => compute(x, 1));
  const isProduct = [-1.5, 0.8, 2].every((gate) =>
    [-2, 0, 3].every((up) => Math.abs(compute(gate, up) - compute(gate, 1) * up) < 1e-4),
  );
  return isProduct ? activation : null;
}

/** A node outside of the block that reads a number inside of it; null where there is none. */
function readerBeside(use: TargetUse, { leaves, nodes }: Expression): string | null {
  const inside = [...leaves, ...[...nodes].flatMap(({ outputs }) => outputs)];
  for (const value of inside) {
    if (value.isGraphOutput) return `graph "${value.graph.onnx.name}"`;
    for (const { node } of value.uses) {
      const isOwn = node === use.node || nodes.has(node) || isStandard(node, "Shape") || isStandard(node, "Size");
      // Layers of eight bits read their input as codes.
      if (!isOwn && !isStandard(node, "DynamicQuantizeLinear")) return nodeLabel(node);
    }
  }
  return null;
}

/** Why a layer behind one weight that holds gate and up is not recognised; null where no such weight is before it. */
function packedFront(activation: Value, outputs: Outputs, scalars: Scalars): string | null {
  const isPart = (value: Value) => partOf(value) !== null;
  const expression = expressionOf(activation, isPart, scalars);
  const sources = new Set(expression?.leaves.map((leaf) => outputs.get(partOf(leaf) as Value)?.target));
  const [packed] = sources;
  if (packed === undefined || sources.size > 1 || expression?.leaves.length !== 2) return null;
  return `weight "${packed.name}" before it holds gate and up in one, which is not supported`;
}

/** What a value is cut out of. */
function partOf({ producer }: Value): Value | null {
  const isCut = producer !== null && (isStandard(producer, "Split") || isStandard(producer, "Slice"));
  return isCut ? (producer.inputs[0] ?? null) : null;
}
