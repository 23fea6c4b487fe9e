/**
 * Finds the linear layers of a model by what its graph does, not by what family it is: every node
 * that a layer form recognises and whose weight lies in the file. What looks like a weight but
 * cannot be pruned is listed with its reason, so that nothing stays dense in silence.
 */
import type { Shape } from "../tensor/matrix.js";
import { type Constants, findConstants, tensorOf } from "./constants.js";
import { denseByDefault } from "./dense-by-default.js";
import type { LayerCandidate } from "./layer-form.js";
import { LAYER_FORMS } from "./layer-forms.js";
import { codeTypeOf, floatTypeOf, isSameCoding } from "./stored-coding.js";
import { isLookup, type RefusedWeight, readersOf } from "./stored-weight.js";
import type { FoundTargets, Graph, Model, Node, Skipped, Target, Value } from "./types.js";
import { refuseUnsupported } from "./unsupported-ops.js";
import { allNodes, allValues } from "./walk.js";
import { layerIndex, weightKind, weightName } from "./weight-name.js";

/** A recognised layer with the node that is it. */
interface Layer extends LayerCandidate {
  readonly node: Node;
  /** Key of LAYER_FORMS. */
  readonly form: string;
}

/** What the walk gathers of one stored weight, however many nodes use it. */
interface Found {
  readonly source: Value;
  /** Name for a model that has no readable ones. */
  readonly fallbackName: string;
  readonly nodes: Node[];
  readonly layers: Layer[];
  /** Why it cannot be pruned. One node that refuses is enough: nobody calibrates what that node would need. */
  refusal: string | null;
}

/**
 * All linear layers of a model, those that stay dense by default included, in the order of their first use, and all
 * weights that cannot be pruned. Two targets read the same activation when their uses hold the same `Value`.
 *
 * Nothing is left out for its size: a matrix of 2 x 2 is a target like any other, and where a pattern does not divide
 * it, pruning says so. Vectors are no weights.
 * @param model as `buildModel` links it; no tensor is read
 */
export function findTargets(model: Model): FoundTargets {
  const constants = findConstants(model.graph);
  const found = [...findLayers(model.graph, constants), ...findEmbeddings(model.graph, constants)];
  const named = found.map((weight) => ({ weight, name: nameOf(weight) }));
  const names = new Set(named.map(({ name }) => name));
  const unique = uniqueNames();

  const targets: Target[] = [];
  const skipped: Skipped[] = functionsOf(model);
  for (const { weight, name } of named) {
    const target = targetOf(weight, name, names, constants);
    if (typeof target === "string") skipped.push({ name: unique(name), reason: target });
    else targets.push({ ...target, name: unique(name) });
  }
  return { targets, skipped };
}

/** Every weight that a layer form or the list of unsupported operators knows, in the order of first use. */
function findLayers(graph: Graph, constants: Constants): Found[] {
  const found = new Map<Value, Found>();
  let position = -1;
  for (const node of allNodes(graph)) {
    position++;
    for (const { form, recognised } of recognise(node, constants)) {
      const { source } = recognised.kind === "layer" ? recognised.weight : recognised;
      const fallbackName = `${node.onnx.opType}_${position}`;
      const weight = found.get(source) ?? { source, fallbackName, nodes: [], layers: [], refusal: null };
      found.set(source, weight);
      weight.nodes.push(node);
      if (recognised.kind === "layer") weight.layers.push({ ...recognised, node, form });
      else weight.refusal ??= recognised.reason;
    }
  }
  return [...found.values()];
}

function recognise(
  node: Node,
  constants: Constants,
): { readonly form: string; readonly recognised: LayerCandidate | RefusedWeight }[] {
  for (const [form, { recognise }] of Object.entries(LAYER_FORMS)) {
    const recognised = recognise(node, constants);
    if (recognised) return [{ form, recognised }];
  }
  return refuseUnsupported(node, constants).map((recognised) => ({ form: "", recognised }));
}

/** Matrices of floats or codes that only lookups read. */
function findEmbeddings(graph: Graph, constants: Constants): Found[] {
  const found: Found[] = [];
  for (const value of allValues(graph)) {
    const tensor = constants.get(value) === value ? tensorOf(value) : null;
    if (tensor?.dims.length !== 2 || Math.min(...tensor.dims) < 2) continue;
    if (floatTypeOf(tensor.dataType) === undefined && codeTypeOf(tensor.dataType) === null) continue;
    const nodes = [...readersOf(value).nodes];
    const [first] = nodes;
    if (first === undefined || !nodes.every(isLookup)) continue;
    found.push({
      source: value,
      fallbackName: value.name,
      nodes,
      layers: [],
      refusal: `embedding: a table that ${first.onnx.opType} reads`,
    });
  }
  return found;
}

function nameOf({ nodes, source, fallbackName }: Found): string {
  return weightName(
    nodes.map(({ onnx }) => onnx.name),
    source.name,
    fallbackName,
  );
}

/** The target a weight makes, or why it makes none. Names of other weights settle what an ambiguous name means. */
function targetOf(weight: Found, name: string, names: ReadonlySet<string>, constants: Constants): Target | string {
  const { layers, refusal, source } = weight;
  const [first] = layers;
  if (refusal !== null || first === undefined) return refusal ?? "no node multiplies with it";
  const { tensor, coding, shape, order } = first.weight;
  if (layers.some((layer) => layer.weight.order !== order)) {
    return "is read both as it is stored and transposed, so its input channels are not one axis";
  }
  if (layers.some(({ weight }) => !isSameShape(weight.shape, shape) || !isSameCoding(weight.coding, coding))) {
    return "is read with two meanings: scales, zeros or shape differ";
  }
  const uses = layers.map(({ node, activation, window, result = node.outputs[0] as Value }) => ({
    ...{ node, activation, result },
    ...(window && { window }),
  }));
  return {
    name,
    kind: weightKind(name, names),
    layer: layerIndex(name),
    shape,
    coding,
    order,
    form: first.form,
    tensor,
    uses,
    denseByDefault: denseByDefault({ name, shape, source, uses }, constants),
  };
}

const isSameShape = (a: Shape, b: Shape): boolean => a.out === b.out && a.in === b.in;

/** Model-local functions are read as bytes only. */
function functionsOf({ onnx }: Model): Skipped[] {
  const reason = `the file defines ${onnx.functionCount} functions; linear layers inside of them are not looked for`;
  return onnx.functionCount > 0 ? [{ name: "model functions", reason }] : [];
}

/** Gives each name back as it is the first time, then with #2, #3, … */
function uniqueNames(): (name: string) => string {
  const used = new Set<string>();
  // Where counting goes on, so that thousands of weights of one name take no square of that.
  const numbers = new Map<string, number>();
  return (name) => {
    let unique = name;
    let number = numbers.get(name) ?? 2;
    for (; used.has(unique); number++) unique = `${name}#${number}`;
    numbers.set(name, number);
    used.add(unique);
    return unique;
  };
}
