/**
 * Activation functions of feed-forward blocks, told by what they compute. Exporters write one function in many
 * ways (Erf, tanh with Pow or with products, x · Sigmoid(x), one operator), so the nodes between two layers are
 * evaluated at a few numbers and compared with the functions, instead of with lists of nodes.
 */
import type { Scalars } from "./scalars.js";
import type { Node, Value } from "./types.js";

/** Name of an activation function. */
export type Activation = "silu" | "gelu" | "gelu-tanh" | "relu";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const geluTanh = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const gelu = (x: number): number => 0.5 * x * (1 + erf(x * Math.SQRT1_2));

/** Gauss's error function, to 1.5e-7 (Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26). */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

const FUNCTIONS = {
  silu: (x) => x * sigmoid(x),
  gelu,
  "gelu-tanh": geluTanh,
  relu: (x) => Math.max(0, x),
} as const satisfies Record<Activation, (x: number) => number>;

/** Where functions are compared; both forms of GELU differ most, by 5e-4, around 2 and -2. */
const PROBES = [-5, -3, -2.3, -2, -1.2, -0.7, -0.1, 0.1, 0.4, 1, 1.7, 2, 2.3, 3, 5];
/** Constants in half floats change a function by less than this; any two functions but the GELUs differ by more. */
const TOLERANCE = 4e-3;

/** The activation that a function of one number is, the nearest where constants are rounded; null where it is none. */
export function activationOf(compute: (x: number) => number): Activation | null {
  const values = PROBES.map(compute);
  const distance = (name: Activation) =>
    Math.max(...PROBES.map((x, k) => Math.abs(FUNCTIONS[name](x) - (values[k] as number))));
  const names = Object.keys(FUNCTIONS) as Activation[];
  const nearest = names.reduce((best, name) => (distance(name) < distance(best) ? name : best));
  return distance(nearest) < TOLERANCE ? nearest : null;
}

/** Operators that compute each element from the elements at its place. Missing operands are NaN. */
const ELEMENTWISE: Readonly<Record<string, (node: Node, operands: readonly number[]) => number>> = {
  Identity: (_, [x = Number.NaN]) => x,
  Cast: (_, [x = Number.NaN]) => x,
  Reshape: (_, [x = Number.NaN]) => x,
  Flatten: (_, [x = Number.NaN]) => x,
  Squeeze: (_, [x = Number.NaN]) => x,
  Unsqueeze: (_, [x = Number.NaN]) => x,
  Neg: (_, [x = Number.NaN]) => -x,
  Abs: (_, [x = Number.NaN]) => Math.abs(x),
  Exp: (_, [x = Number.NaN]) => Math.exp(x),
  Sqrt: (_, [x = Number.NaN]) => Math.sqrt(x),
  Reciprocal: (_, [x = Number.NaN]) => 1 / x,
  Erf: (_, [x = Number.NaN]) => erf(x),
  Tanh: (_, [x = Number.NaN]) => Math.tanh(x),
  Sigmoid: (_, [x = Number.NaN]) => sigmoid(x),
  Relu: (_, [x = Number.NaN]) => Math.max(0, x),
  Max: (_, operands) => Math.max(...operands),
  Min: (_, operands) => Math.min(...operands),
  Add: (_, [a = Number.NaN, b = Number.NaN]) => a + b,
  Sub: (_, [a = Number.NaN, b = Number.NaN]) => a - b,
  Mul: (_, [a = Number.NaN, b = Number.NaN]) => a * b,
  Div: (_, [a = Number.NaN, b = Number.NaN]) => a / b,
  Pow: (_, [a = Number.NaN, b = Number.NaN]) => a ** b,
  // Standard since opset 20 and 24, and ONNX Runtime's own.
  Gelu: (node, [x = Number.NaN]) => (textAttribute(node, "approximate") === "tanh" ? geluTanh(x) : gelu(x)),
  Swish: (node, [x = Number.NaN]) => x * sigmoid(floatAttribute(node, "alpha", 1) * x),
  QuickGelu: (node, [x = Number.NaN]) => x * sigmoid(floatAttribute(node, "alpha", 1.702) * x),
  BiasGelu: (_, [x = Number.NaN]) => gelu(x),
  FastGelu: (_, [x = Number.NaN]) => geluTanh(x),
};

/** Inputs that are no operands: shapes, and biases, which belong to the layer before. */
const OTHER_INPUTS = new Set(["Reshape", "Flatten", "Squeeze", "Unsqueeze", "BiasGelu", "FastGelu", "Cast"]);
const DOMAINS = new Set(["", "ai.onnx", "com.microsoft"]);
/** A longer way is no activation. */
const MOST_NODES = 40;

const floatAttribute = ({ onnx }: Node, name: string, absent: number): number =>
  onnx.attributes.find((attribute) => attribute.name === name)?.f ?? absent;
const textAttribute = ({ onnx }: Node, name: string): string | null =>
  onnx.attributes.find((attribute) => attribute.name === name)?.s ?? null;

/** A value as a function of others, element by element. */
export interface Expression {
  /** Values that it is computed from. */
  readonly leaves: readonly Value[];
  /** Nodes between them and the value, Casts and reshapes included. */
  readonly nodes: ReadonlySet<Node>;
  /** @param numbers one for each leaf */
  readonly compute: (numbers: readonly number[]) => number;
}

/**
 * The nodes behind a value as a function, back to the values that `isLeaf` names.
 *
 * @returns null where something lies behind it that is not computed element by element from leaves and single numbers
 */
export function expressionOf(value: Value, isLeaf: (value: Value) => boolean, scalars: Scalars): Expression | null {
  const leaves = new Set<Value>();
  const nodes = new Set<Node>();
  const waiting = [value];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    if (isLeaf(one)) leaves.add(one);
    else if (scalars(one) === null) {
      const { producer } = one;
      if (producer === null || !isElementwise(producer) || nodes.size === MOST_NODES) return null;
      if (nodes.has(producer)) continue;
      nodes.add(producer);
      waiting.push(...operandsOf(producer));
    }
  }
  const order = [...leaves];
  const compute = (numbers: readonly number[]): number => {
    const known = new Map(order.map((leaf, k) => [leaf, numbers[k] as number]));
    const at = (one: Value): number => {
      const number = known.get(one) ?? scalars(one) ?? apply(one.producer as Node);
      known.set(one, number);
      return number;
    };
    const apply = (node: Node): number =>
      (ELEMENTWISE[node.onnx.opType] as (typeof ELEMENTWISE)[string])(node, operandsOf(node).map(at));
    return at(value);
  };
  return { leaves: order, nodes, compute };
}

function isElementwise(node: Node): boolean {
  return Object.hasOwn(ELEMENTWISE, node.onnx.opType) && DOMAINS.has(node.onnx.domain) && node.bodies.length === 0;
}

function operandsOf({ onnx, inputs }: Node): readonly Value[] {
  const operands = OTHER_INPUTS.has(onnx.opType) ? inputs.slice(0, 1) : inputs;
  return operands.filter((input) => input !== null);
}
