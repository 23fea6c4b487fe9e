/**
 * The last layer of a feed-forward block behind pruned ones: what it is to be, so that the block's output comes as
 * close to what is wanted as what reaches it allows. This is where most of SparseLLM's gain is (arXiv 2402.17946).
 */
import type { Dense, Products } from "../linalg/products.js";
import type { SecondMoments } from "../linalg/second-moments.js";
import { free } from "../tensor/free.js";
import { type BlockFront, insideOf, MomentSum, outputOf, rowsOf } from "./feed-forward.js";
import { LayerInput } from "./layer-input.js";

/** A block whose layers before the last are pruned. */
export interface PrunedBlock {
  readonly dense: BlockFront;
  readonly pruned: BlockFront;
  /** The dense last layer W, [out, hidden]. */
  readonly down: Dense;
  /** What enters the pruned block, [tokens, in]. */
  readonly x: Dense;
  /** Y, what the dense block gives for these tokens without its last bias, [tokens, out]; or what enters the dense block then, [tokens, in]. */
  readonly wanted: { readonly outputs: Dense } | { readonly inputs: Dense };
}

export interface FitOptions {
  readonly products: Products;
  /** λ as a share of the mean of diag(PᵀP): few tokens tell chance from what returns only so far. */
  readonly ridge: number;
  /** Names the layer in errors. */
  readonly label: string;
  readonly signal?: AbortSignal | undefined;
}

/** What the last layer is to be held to. */
export interface FittedLast {
  /** [out, hidden] */
  readonly goal: Float32Array;
  /** Of P, what the pruned layers before it give. */
  readonly moments: SecondMoments;
}

/** Tokens at a time. */
const CHUNK = 1024;

/**
 * W + (Y − P Wᵀ)ᵀ P (PᵀP + λI)⁻¹, with P what the pruned layers give.
 *
 * @throws PruneError `bad-statistics` where the moments of P cannot be inverted; the signal's reason
 */
export async function fitLast(
  { dense, pruned, down, x, wanted }: PrunedBlock,
  { products, ridge, label, signal }: FitOptions,
): Promise<FittedLast> {
  const sum = new MomentSum(down.columns, products);
  let missing: Dense | undefined;
  for (let from = 0; from < x.rows; from += CHUNK) {
    const to = Math.min(x.rows, from + CHUNK);
    const { hidden } = await insideOf(pruned, rowsOf(x, from, to), products, signal);
    await sum.add(hidden);
    const outputs =
      "outputs" in wanted
        ? rowsOf(wanted.outputs, from, to)
        : await denseOutput(dense, down, rowsOf(wanted.inputs, from, to), products, signal);
    const gap = await products.multiply(hidden, down, { transposeB: true, factor: -1, plus: outputs });
    const before: Dense | undefined = missing;
    missing = await products.multiply(gap, hidden, { transposeA: true, ...(before && { plus: before }) });
    free(hidden.values, gap.values, ...(before ? [before.values] : []));
  }
  const moments = sum.moments();
  const fitter = new LayerInput(moments, products, { damping: ridge, label, ...(signal && { signal }) });
  const { values } = await fitted(down, missing as Dense, fitter);
  return { goal: values, moments };
}

/** Y of rows, without the last layer's bias, [tokens, out]. */
export async function denseOutput(
  dense: BlockFront,
  down: Dense,
  rows: Dense,
  products: Products,
  signal: AbortSignal | undefined,
): Promise<Dense> {
  const { hidden } = await insideOf(dense, rows, products, signal);
  return await outputOf({ weight: down, bias: null }, hidden, products);
}

/** W + right (H + λI)⁻¹. @param right Σ (wanted − present) xᵀ, [out, in] */
export async function fitted(weight: Dense, right: Dense, input: LayerInput): Promise<Dense> {
  const { upper } = await input.inverseFactor();
  const half = await input.products.multiply(right, upper, { transposeB: true });
  const sum = await input.products.multiply(half, upper, { plus: weight });
  free(half.values);
  return sum;
}
