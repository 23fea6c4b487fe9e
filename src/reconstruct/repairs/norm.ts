/**
 * The weight of a norm, anew, for all pruned layers that read its output: with W' fixed, the outputs of q, k and v (or
 * gate and up) are linear in it, so the best one solves normal equations of the size of the hidden state. They are
 * written for factors f on the norm's present output x, so that γ is not divided by and channels with γ = 0 stay; a norm
 * that adds β has it multiplied too. (What PERP, arXiv 2312.15230, trains; here in closed form.)
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
}

/** Pulls factors to 1, as a share of the diagonal: more than rounding in float32, less than anyone measures. */
const DAMPING = 1e-5;
/** Relative residual at which the equations count as solved. */
const TOLERANCE = 1e-10;
const ITERATIONS = 2000;
/** Multiplications between two looks at the signal, and pauses for whoever else runs on this thread. */
const PAUSE_EVERY = 2 ** 23;

/**
 * Factors of the norm's output that minimise Σ ‖W x − W'(f x)‖² over the readers, [in]; 1 for channels that are always
 * 0. The caller multiplies γ and β by them (a norm that stores γ − 1 has w' = (1 + w) f − 1).
 *
 * Conjugate gradients from f = 1: they lower the error with every step. Where few tokens leave the equations without
 * a single solution, a pull of 1e-5 of the diagonal chooses the one next to 1.
 *
 * @throws the signal's reason
 */
export async function normFactors(
  { readers, moments }: NormProblem,
  products: Products,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Float64Array> {
  const inputs = moments.channels;
  const own = await crossProducts(readers, products, "pruned");
  const cross = await crossProducts(readers, products, "dense");
  const { matrix, right } = normalEquations(inputs, own, cross, moments);
  free(own, cross);
  return conjugateGradients(matrix, right, new Float64Array(inputs).fill(1), options.signal);
}

/** Σ W'ᵀ W' or Σ W'ᵀ W over the readers, [in, in]. */
async function crossProducts(readers: readonly NormReader[], products: Products, by: "dense" | "pruned") {
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

/** With C = Σ x xᵀ: the matrix (W'ᵀW') ∘ C, and the right side, whose element j is Σ_k (W'ᵀW)_jk C_jk. */
function normalEquations(inputs: number, own: Float32Array, cross: Float32Array, { packed }: SecondMoments) {
  const matrix = new Float64Array(inputs * inputs);
  const right = new Float64Array(inputs);
  for (let j = 0, k = 0; j < inputs; j++) {
    let total = 0;
    for (let i = 0; i < inputs; i++, k++) {
      const moment = packed[i < j ? packedIndex(inputs, i, j) : packedIndex(inputs, j, i)] as number;
      matrix[k] = (own[k] as number) * moment;
      total += (cross[k] as number) * moment;
    }
    const pull = DAMPING * (matrix[j * (inputs + 1)] as number);
    matrix[j * (inputs + 1)] = (matrix[j * (inputs + 1)] as number) + pull;
    right[j] = total + pull;
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
