/**
 * A feed-forward block on rows of numbers, down(act(gate x) · up x) or down(act(up x)): what its layers pass on, and
 * the moments of it. Updates that see a whole block run it themselves, on the weights they try.
 */
import type { Dense, Products } from "../linalg/products.js";
import { MomentTotal, type SecondMoments } from "../linalg/second-moments.js";
import { free } from "../tensor/free.js";
import { ACTIVATIONS, type ActivationName } from "./activations.js";

/** A layer with the values it has now. */
export interface Layer {
  /** [out, in] */
  readonly weight: Dense;
  /** [out], or null where it adds none */
  readonly bias: Float32Array | null;
}

/** The layers before the last. */
export interface BlockFront {
  /** What is activated: gate, or in a plain block up. */
  readonly activated: Layer;
  /** What the activation is multiplied with: up of a gated block; null in a plain one. */
  readonly multiplied: Layer | null;
  readonly activation: ActivationName;
}

/** Values between the layers, [tokens, hidden] each. */
export interface BlockInside {
  /** Before the activation. */
  readonly activated: Dense;
  readonly multiplied: Dense | null;
  /** What the last layer reads. */
  readonly hidden: Dense;
}

/** Elements that are gone through before others on this thread get their turn. */
const PAUSE_EVERY = 2 ** 18;

/** Goes through `count` elements in pieces, with a pause after each. @throws the signal's reason */
export async function inPieces(
  count: number,
  visit: (from: number, to: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let from = 0; from < count; from += PAUSE_EVERY) {
    signal?.throwIfAborted();
    if (from > 0) await new Promise((resolve) => setTimeout(resolve));
    visit(from, Math.min(count, from + PAUSE_EVERY));
  }
}

/** Rows `from` … `to` of a matrix, without a copy. */
export const rowsOf = ({ columns, values }: Dense, from: number, to: number): Dense => ({
  rows: to - from,
  columns,
  values: values.subarray(from * columns, to * columns),
});

/** Every `step`-th row from `first` on, in memory of their own. */
export function everyRow({ rows, columns, values }: Dense, step: number, first = 0): Dense {
  const count = Math.ceil((rows - first) / step);
  const taken = new Float32Array(count * columns);
  for (let k = 0; k < count; k++) {
    const row = first + k * step;
    taken.set(values.subarray(row * columns, (row + 1) * columns), k * columns);
  }
  return { rows: count, columns, values: taken };
}

/** x Wᵀ + b, [tokens, out]. @param x [tokens, in] */
export async function outputOf({ weight, bias }: Layer, x: Dense, products: Products): Promise<Dense> {
  const output = await products.multiply(x, weight, { transposeB: true });
  if (bias !== null)
    for (let k = 0, o = 0; k < output.values.length; k++, o = o + 1 === bias.length ? 0 : o + 1)
      output.values[k] = (output.values[k] as number) + (bias[o] as number);
  return output;
}

/** What the layers before the last make of rows [tokens, in]. @throws the signal's reason */
export async function insideOf(
  { activated, multiplied, activation }: BlockFront,
  x: Dense,
  products: Products,
  signal: AbortSignal | undefined,
): Promise<BlockInside> {
  const s = await outputOf(activated, x, products);
  const z = multiplied && (await outputOf(multiplied, x, products));
  return { activated: s, multiplied: z, hidden: await hiddenOf(s, z, activation, signal) };
}

/** act(s) · z, or act(s) where there is no z. */
export async function hiddenOf(
  s: Dense,
  z: Dense | null,
  activation: ActivationName,
  signal: AbortSignal | undefined,
): Promise<Dense> {
  const { value } = ACTIVATIONS[activation];
  const values = new Float32Array(s.values.length);
  const piece = (from: number, to: number) => {
    for (let k = from; k < to; k++)
      values[k] = value(s.values[k] as number) * (z === null ? 1 : (z.values[k] as number));
  };
  await inPieces(values.length, piece, signal);
  return { ...s, values };
}

/** Moments of rows that come in parts: products in float32 over a part, sums of them in float64. */
export class MomentSum {
  readonly #total: MomentTotal;

  constructor(
    channels: number,
    private readonly products: Products,
  ) {
    this.#total = new MomentTotal(channels);
  }

  /** @param rows [tokens, channels] */
  async add(rows: Dense): Promise<void> {
    const { channels } = this.#total;
    const product = await this.products.multiply(rows, rows, { transposeA: true });
    const sum = new Float64Array(channels);
    for (let k = 0, i = 0; k < rows.values.length; k++, i = i + 1 === channels ? 0 : i + 1)
      sum[i] = (sum[i] as number) + (rows.values[k] as number);
    this.#total.add(rows.rows, sum, product.values);
    free(product.values);
  }

  moments(): SecondMoments {
    return this.#total;
  }
}
