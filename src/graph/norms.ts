/**
 * Norm weights in front of linear layers: the vector γ that scales each channel of a normalised activation, where
 * nothing but linear layers sees the result. There, and only there, γ can be changed to repair these layers.
 */
import { nodeLabel } from "./describe.js";
import { readScalars, type Scalars } from "./scalars.js";
import { findVector, type StoredVector } from "./stored-vector.js";
import type { Model, Node, Target, TargetUse, Use, Value } from "./types.js";
import { behindShapes, isContrib, isOneOf, isStandard, showsChannels } from "./walk.js";

/** A norm weight as one node of the graph reads it. */
export interface NormPlace {
  /** γ; with `offset` 1 the graph multiplies with 1 + the stored numbers (Gemma). */
  readonly weight: StoredVector;
  /** What is added after γ; null for RMS norms. */
  readonly bias: StoredVector | null;
  /** What the linear layers see: [..., channels]. */
  readonly output: Value;
}

/** A norm that only linear layers read. */
export interface Norm {
  readonly channels: number;
  /** More than one where the same layers stand in several branches. */
  readonly places: readonly [NormPlace, ...NormPlace[]];
  /** All layers that read it. */
  readonly readers: readonly Target[];
}

/** A norm in front of some of the layers whose weight must stay as it is. */
export interface RefusedNorm {
  readonly name: string;
  /** As a sentence's end. */
  readonly reason: string;
}

/** Norms in front of linear layers. */
export interface FoundNorms {
  readonly norms: readonly Norm[];
  readonly refused: readonly RefusedNorm[];
}

/** Operators that normalise in one node: which inputs are γ and β. Output 0 is what is normalised. */
const FUSED: readonly { readonly opTypes: readonly string[]; readonly weight: number; readonly bias: number | null }[] =
  [
    { opTypes: ["LayerNormalization"], weight: 1, bias: 2 },
    { opTypes: ["SimplifiedLayerNormalization", "RMSNormalization"], weight: 1, bias: null },
    { opTypes: ["SkipLayerNormalization"], weight: 2, bias: 3 },
    { opTypes: ["SkipSimplifiedLayerNormalization"], weight: 2, bias: null },
  ];

/** Operators that look at no number of what they read. */
const READS_SHAPE = ["Shape", "Size"];

/**
 * The norms in front of `targets`, and those that must not be changed, with the reason. A layer with several inputs
 * (one weight used twice) counts as a reader only where all of them are outputs of the norm.
 *
 * @throws PruneError as `readTensor` does, for the constants of decomposed norms
 */
export async function findNorms({ graph }: Model, targets: readonly Target[]): Promise<FoundNorms> {
  const scalars = await readScalars(graph);
  const layers = usesOf(targets);
  const refused: RefusedNorm[] = [];
  const refuse = ({ producer, name }: Value, reason: string) =>
    refused.push({ name: producer === null ? name : nodeLabel(producer), reason });
  const groups: Group[] = [];
  for (const [output, channels] of outputsBefore(targets)) {
    const place = placeOf(output, channels, scalars);
    if (place === null) continue;
    const read = typeof place === "string" ? place : readersOf(output, channels, layers);
    if (typeof place === "string" || typeof read === "string") refuse(output, read as string);
    else addTo(groups, place, read);
  }
  const norms: Norm[] = [];
  for (const { places, readers, uses } of groups) {
    const [first, ...others] = places;
    const other = [...readers].find((target) => target.uses.some((use) => !uses.has(use)));
    if (other === undefined)
      norms.push({ channels: first.weight.channels, places: [first, ...others], readers: [...readers] });
    else refuse(first.output, `weight "${other.name}", which reads it, reads something else as well`);
  }
  return { norms, refused };
}

/** Values that linear layers read, behind other shapes and types, with the channels of the first layer. */
function outputsBefore(targets: readonly Target[]): ReadonlyMap<Value, number> {
  const outputs = new Map<Value, number>();
  for (const { uses, shape } of targets)
    for (const { activation, window } of uses) {
      const output = behindShapes(activation);
      if (window === undefined && !outputs.has(output)) outputs.set(output, shape.in);
    }
  return outputs;
}

/** Places of one weight with the same readers. */
interface Group {
  readonly places: [NormPlace, ...NormPlace[]];
  readonly readers: ReadonlySet<Target>;
  readonly uses: Set<TargetUse>;
}

function addTo(groups: Group[], place: NormPlace, read: readonly LayerUse[]): void {
  const readers = new Set(read.map(({ target }) => target));
  const uses = read.map(({ use }) => use);
  const isSame = (group: Group) =>
    group.places[0].weight.tensor === place.weight.tensor &&
    group.readers.size === readers.size &&
    [...readers].every((target) => group.readers.has(target));
  const group = groups.find(isSame);
  if (group === undefined) groups.push({ places: [place], readers, uses: new Set(uses) });
  else {
    group.places.push(place);
    for (const use of uses) group.uses.add(use);
  }
}

interface LayerUse {
  readonly target: Target;
  readonly use: TargetUse;
}

/** Uses of linear layers by their node. */
function usesOf(targets: readonly Target[]): ReadonlyMap<Node, LayerUse> {
  return new Map(
    targets.flatMap((target) =>
      target.uses.filter(({ window }) => window === undefined).map((use) => [use.node, { target, use }] as const),
    ),
  );
}

/** The norm that makes a value; null where none does, a reason where its weight is not one that can be written. */
function placeOf(output: Value, channels: number, scalars: Scalars): NormPlace | string | null {
  const { producer } = output;
  if (producer === null) return null;
  const fused = FUSED.find(({ opTypes }) =>
    opTypes.some((opType) => isStandard(producer, opType) || isContrib(producer, opType)),
  );
  if (fused !== undefined) {
    if (producer.outputs[0] !== output) return null;
    const index = fused.bias;
    const hasBias = index !== null && Boolean(producer.inputs[index]);
    return place(output, producer, fused.weight, hasBias ? { node: producer, index } : null, channels, scalars);
  }
  const scaled = scaledBy(producer, channels, scalars);
  if (scaled !== null) return place(output, producer, scaled, null, channels, scalars);
  // The bias of a decomposed LayerNormalization.
  const [a, b] = producer.inputs;
  if (!isStandard(producer, "Add") || !a || !b) return null;
  for (const [index, product] of [b, a].entries()) {
    const node = product.producer;
    const weight = node === null || product.uses.length > 1 ? null : scaledBy(node, channels, scalars);
    if (node === null || weight === null || findVector(producer, index, channels) === null) continue;
    return place(output, node, weight, { node: producer, index }, channels, scalars);
  }
  return null;
}

function place(
  output: Value,
  node: Node,
  index: number,
  biasUse: Use | null,
  channels: number,
  scalars: Scalars,
): NormPlace | string {
  const weight = findVector(node, index, channels, { scalars });
  const bias = biasUse === null ? null : findVector(biasUse.node, biasUse.index, channels);
  if (weight === null) return "its weight is not stored as floats, or is computed";
  return biasUse !== null && bias === null
    ? "its bias is not stored as floats, or is computed"
    : { weight, bias, output };
}

/** Which input of a Mul is γ, where the other is an activation divided by its mean square; null for other nodes. */
function scaledBy(node: Node, channels: number, scalars: Scalars): number | null {
  if (!isStandard(node, "Mul")) return null;
  const index = [0, 1].find((one) => findVector(node, one, channels, { scalars }) !== null);
  const normalised = index === undefined ? null : node.inputs[1 - index];
  return index !== undefined && normalised && isNormalised(normalised) ? index : null;
}

/** Operators between the mean of squares and the factor by which an activation is normalised. */
const AFTER_MEAN = ["Add", "Sqrt", "Reciprocal", "Div", "Pow", "Max", "Clip", "Cast", "Identity", "Mul"];

/** Whether a value is a product or quotient with what a ReduceMean gives, few steps later. */
function isNormalised(value: Value): boolean {
  const { producer } = behindShapes(value);
  if (producer === null || !isOneOf(producer, ["Mul", "Div"])) return false;
  return producer.inputs.some((factor) => factor !== null && comesFromMean(factor));
}

function comesFromMean(factor: Value): boolean {
  const seen = new Set([factor]);
  for (const { producer } of seen) {
    if (producer === null || seen.size > 16) continue;
    if (isOneOf(producer, ["ReduceMean"])) return true;
    if (isOneOf(producer, AFTER_MEAN)) for (const input of producer.inputs) if (input) seen.add(input);
  }
  return false;
}

/** All linear layers that read a value, or why it must stay as it is: something else reads it too. */
function readersOf(output: Value, channels: number, layers: ReadonlyMap<Node, LayerUse>): readonly LayerUse[] | string {
  const readers = new Set<LayerUse>();
  const shown = new Set([output]);
  // A set may grow while it is walked, and holds each value once.
  for (const value of shown) {
    if (value.isGraphOutput) return `its output is an output of graph "${value.graph.onnx.name}"`;
    for (const { node, index } of value.uses) {
      const layer = layers.get(node);
      const [first] = node.outputs;
      if (layer?.use.activation === value) readers.add(layer);
      else if (isOneOf(node, READS_SHAPE)) continue;
      else if (showsChannels(node) && index === 0 && first) shown.add(first);
      else if (isStandard(node, "DynamicQuantizeLinear") && first) {
        const products = layersOfCodes(first, value, layers);
        if (typeof products === "string") return products;
        for (const product of products) readers.add(product);
      } else return `${nodeLabel(node)} reads its output, and is none of the layers to be repaired`;
    }
  }
  const wider = [...readers].find(({ target }) => target.shape.in !== channels);
  return wider === undefined ? [...readers] : `weight "${wider.target.name}" reads several of its outputs at once`;
}

/** The layers that read an activation as codes. */
function layersOfCodes(
  codes: Value,
  activation: Value,
  layers: ReadonlyMap<Node, LayerUse>,
): readonly LayerUse[] | string {
  const found: LayerUse[] = [];
  for (const { node } of codes.uses) {
    const layer = layers.get(node);
    if (layer?.use.activation !== activation)
      return `${nodeLabel(node)} reads its output, and is none of the layers to be repaired`;
    found.push(layer);
  }
  return found;
}
