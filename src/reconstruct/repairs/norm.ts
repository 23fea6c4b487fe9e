/**
 * The weight of a norm, anew, for all pruned layers that read its output: with W' fixed, the outputs of q, k and v (or
 * gate and up) are linear in it, so the best one solves normal equations of the size of the hidden state. They are
 * written for factors f on the norm's present output x = γ x̂ + β, γ' = f γ, so that γ is not divided by and
 * channels with γ = 0 stay. (What PERP, arXiv 2312.15230, trains; here in closed form.)
 */
import type { Dense, Products } from "../../linalg/products.js";
import { packedIndex, type SecondMoments } from "../../linalg/second-moments.js";
import { free } from "../../tensor/free.js";
import type { Shape } from "../../tensor/matrix.js";

/** One layer that reads the norm's output. */
export interface NormReader {
  readonly shape: Shape;
  /** W and W', [out, in]. */
  readonly dense: Float32Array;
  readonly pruned: Float32Array;
}

export interface NormProblem {
  /** All layers that read the norm's output; what else reads it forbids the repair. */
  readonly readers: readonly NormReader[];
  /** Moments of the norm's output. */
  readonly moments: SecondMoments;
  /** What the norm adds after its weight, β of a LayerNorm, [in]; it stays as it is. */
  readonly added?: Float64Array;
}

/** Pulls factors to 1, as a share of the diagonal: more than rounding in float32, less than anyone measures. */
const DAMPING = 1e-5;
/** A channel whose energy around β is less than this share of its energy counts as constant. */
const CONSTANT = 1e-6;
/** Relative residual at which the equations count as solved. */
const TOLERANCE = 1e-10;
const ITERATIONS = 2000;
/** Multiplications between two looks at the signal, and pauses for whoever else runs on this thread. */
const PAUSE_EVERY = 2 ** 23;

/**
 * Factors of the norm's weight that minimise Σ ‖W x − W'(f γ x̂ + β)‖² over the readers, [in]; 1 for channels that
 * never differ from β. The caller multiplies γ by them (a norm that stores γ − 1 has w' = (1 + w) f − 1).
 *
 * Conjugate gradients from f = 1: they lower the error with every step. Where few tokens leave the equations without
 * a single solution, a pull of 1e-5 of the diagonal chooses the one next to 1.
 *
 * @throws the signal's reason
 */
export async function normFactors(
  { readers, moments, added }: NormProblem,
  products: Products,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Float64Array> {
  const inputs = moments.channels;
  const own = await sumOfProducts(readers, products, "pruned");
  const cross = await sumOfProducts(readers, products, "dense");
  const { matrix, right } = normalEquations(inputs, own, cross, moments, added);
  free(own, cross);
  return conjugateGradients(matrix, right, new Float64Array(inputs).fill(1), options.signal);
}

/** Σ W'ᵀ W' or Σ W'ᵀ W over the readers, [in, in]. */
async function sumOfProducts(readers: readonly NormReader[], products: Products, by: "dense" | "pruned") {
  let sum: Dense | undefined;
  for (const reader of readers) {
    const of = (values: Float32Array): Dense => ({ rows: reader.shape.out, columns: reader.shape.in, values });
    const before: Dense | undefined = sum;
    const plus = before === undefined ? {} : { plus: before };
    sum = await products.multiply(of(reader.pruned), of(reader[by]), { transposeA: true, ...plus });
    if (before !== undefined) free(before.values);
  }
  return sum?.values ?? new Float32Array(0);
}

/**
 * With C = Σ (x − β)(x − β)ᵀ and c = Σ (x − β): the matrix (W'ᵀW') ∘ C, and the right side, whose element j is
 * Σ_k (W'ᵀW)_jk C_jk + Σ_k (W'ᵀ(W − W'))_jk β_k c_j.
 */
function normalEquations(
  inputs: number,
  own: Float32Array,
  cross: Float32Array,
  { packed, sum, tokens }: SecondMoments,
  added: Float64Array = new Float64Array(inputs),
) {
  const matrix = new Float64Array(inputs * inputs);
  const right = new Float64Array(inputs);
  for (let j = 0, k = 0; j < inputs; j++) {
    const [sumJ, addedJ] = [sum[j] as number, added[j] as number];
    const centred = sumJ - tokens * addedJ;
    let total = 0;
    for (let i = 0; i < inputs; i++, k++) {
      const [sumI, addedI] = [sum[i] as number, added[i] as number];
      const moment = packed[i < j ? packedIndex(inputs, i, j) : packedIndex(inputs, j, i)] as number;
      const product = moment - addedJ * sumI - sumJ * addedI + tokens * addedJ * addedI;
      matrix[k] = (own[k] as number) * product;
      total += (cross[k] as number) * product + ((cross[k] as number) - (own[k] as number)) * addedI * centred;
    }
    const pull = DAMPING * (matrix[j * (inputs + 1)] as number);
    matrix[j * (inputs + 1)] = (matrix[j * (inputs + 1)] as number) + pull;
    right[j] = total + pull;
  }
  // What is left of a channel that is constantly β is rounding; an empty row leaves its factor alone.
  for (let j = 0; j < inputs; j++) {
    const moment = packed[packedIndex(inputs, j, j)] as number;
    const centred = moment - (added[j] as number) * (2 * (sum[j] as number) - tokens * (added[j] as number));
    if (centred > CONSTANT * moment) continue;
    right[j] = 0;
    for (let i = 0; i < inputs; i++) {
      // Others see its factor of 1, which is what it keeps.
      if (i !== j) right[i] = (right[i] as number) - (matrix[i * inputs + j] as number);
      matrix[i * inputs + j] = 0;
      matrix[j * inputs + i] = 0;
    }
  }
  return { matrix, right };
}

/** Solves a · x = b from `x` on, with the diagonal as preconditioner; channels with an empty row keep their value. */
async function conjugateGradients(
  a: Float64Array,
  b: Float64Array,
  x: Float64Array,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const n = b.length;
  const scale = b.map((_, i) => ((a[i * (n + 1)] as number) > 0 ? 1 / (a[i * (n + 1)] as number) : 0));
  const image = times(a, x);
  const residual = b.map((value, i) => (scale[i] === 0 ? 0 : value - (image[i] as number)));
  const direction = residual.map((r, i) => r * (scale[i] as number));
  let energy = dot(residual, direction);
  const enough =
    TOLERANCE ** 2 *
    Math.max(
      energy,
      b.reduce((s, value, i) => s + value * value * (scale[i] as number), 0),
    );
  for (let done = 0, spent = 0; done < ITERATIONS && energy > enough; done++) {
    spent += n * n;
    if (spent > PAUSE_EVERY) {
      spent = 0;
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
    }
    const moved = times(a, direction);
    const curvature = dot(direction, moved);
    if (!(curvature > 0)) break;
    const length = energy / curvature;
    let next = 0;
    for (let i = 0; i < n; i++) {
      x[i] = (x[i] as number) + length * (direction[i] as number);
      const r = (residual[i] as number) - (scale[i] === 0 ? 0 : length * (moved[i] as number));
      residual[i] = r;
      next += r * r * (scale[i] as number);
    }
    const turn = next / energy;
    for (let i = 0; i < n; i++)
      direction[i] = (residual[i] as number) * (scale[i] as number) + turn * (direction[i] as number);
    energy = next;
  }
  return x;
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

function times(a: Float64Array, x: Float64Array): Float64Array {
  const n = x.length;
  const result = new Float64Array(n);
  for (let i = 0, k = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++, k++) sum += (a[k] as number) * (x[j] as number);
    result[i] = sum;
  }
  return result;
}
