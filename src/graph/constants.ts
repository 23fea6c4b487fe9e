/**
 * Which values are the same on every run, and what tensor of the file lies behind each. A layer
 * whose weight is constant but was computed (Reshape, DequantizeLinear, …) can so be reported by
 * name, and a product of two constants, such as a table of rotary angles, is known to be no layer.
 */
import type { OnnxTensor } from "../onnx/index.js";
import type { Graph, Value } from "./types.js";
import { allNodes, allValues, isStandard } from "./walk.js";

/** Constant values; for each the value of the largest tensor of rank 2 or more it is made of, null where none is. */
export type Constants = ReadonlyMap<Value, Value | null>;

/** The tensor a value holds: an initializer, or the `value` of a Constant node. */
export function tensorOf(value: Value): OnnxTensor | null {
  if (value.initializer) return value.initializer;
  if (!value.producer || !isStandard(value.producer, "Constant")) return null;
  return value.producer.onnx.attributes.find(({ name }) => name === "value")?.tensor ?? null;
}

/** The tensor that a value always holds, such as scales; null where it is computed or can be overridden. */
export function findTensor(value: Value): OnnxTensor | null {
  const source = behindIdentities(value);
  return isOverridable(source) ? null : tensorOf(source);
}

/**
 * Nodes that may hand a weight on, one behind the other. Exporters write a handful; thousands of layers behind
 * thousands of such nodes would take the product of both.
 */
export const LONGEST_WAY = 100;

/** The value that Identity nodes hand on, {@link LONGEST_WAY} of them at most. */
export function behindIdentities(value: Value): Value {
  let source = value;
  for (let steps = 0; steps < LONGEST_WAY; steps++) {
    const { producer } = source;
    if (!producer || !isStandard(producer, "Identity") || !producer.inputs[0]) break;
    source = producer.inputs[0];
  }
  return source;
}

/** Whether the file gives the value only as a default that an input of the session may override. */
export function isOverridable(value: Value): boolean {
  return value.isGraphInput && value.initializer !== null;
}

/** Values stored without initializer or node: only sparse initializers. */
export function isSparse(value: Value): boolean {
  return value.producer === null && value.initializer === null && !value.isGraphInput;
}

/**
 * All constant values of a graph and the graphs nested in it. Constants spread from initializers and Constant nodes
 * through every node without bodies whose inputs are all constant, random generators excepted.
 */
export function findConstants(graph: Graph): Constants {
  const constants = new Map<Value, Value | null>();
  const fresh: Value[] = [];
  const add = (value: Value, origin: Value | null) => {
    constants.set(value, origin);
    fresh.push(value);
  };
  for (const value of allValues(graph)) {
    const stored = value.initializer !== null || (value.producer && isStandard(value.producer, "Constant"));
    if ((stored && !value.isGraphInput) || isSparse(value)) add(value, rankOf(value) >= 2 ? value : null);
  }

  const missing = new Map([...allNodes(graph)].map((node) => [node, node.inputs.filter((input) => input).length]));
  for (let value = fresh.pop(); value; value = fresh.pop()) {
    for (const { node } of value.uses) {
      const left = (missing.get(node) ?? 0) - 1;
      missing.set(node, left);
      if (left > 0 || node.bodies.length > 0 || /^(Random|Multinomial|Bernoulli)/.test(node.onnx.opType)) continue;
      const origin = largestOf(node.inputs.map((input) => (input && constants.get(input)) ?? null));
      for (const output of node.outputs) add(output, origin);
    }
  }
  return constants;
}

/** Rank of a stored value; a sparse one, whose dims are not read, counts as a matrix. */
function rankOf(value: Value): number {
  return isSparse(value) ? 2 : (tensorOf(value)?.dims.length ?? 0);
}

function largestOf(origins: readonly (Value | null)[]): Value | null {
  const size = (origin: Value) => tensorOf(origin)?.dims.reduce((product, dim) => product * dim, 1) ?? 0;
  return origins.reduce((best, origin) => (origin && (!best || size(origin) > size(best)) ? origin : best), null);
}
