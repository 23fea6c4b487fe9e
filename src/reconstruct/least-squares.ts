/**
 * The best values under a mask: every output row keeps its support, and its kept weights take the values that bring
 * ‖(W − W')X‖² to its minimum. Rows are independent least squares problems with one matrix, so conjugate gradients
 * run on all of them at once: an iteration is one product, with a step length for every row.
 * (Hestenes and Stiefel 1952, with the diagonal as preconditioner; ALPS ends in the same way, arXiv 2406.07831.)
 */
import type { Dense, Products } from "../linalg/products.js";
import { free } from "../tensor/free.js";
import type { Shape } from "../tensor/matrix.js";

/** What is solved: a dense weight, and a pruned one whose kept values are free. */
export interface LeastSquaresProblem {
  readonly shape: Shape;
  /** What the layer is to compute, [out, in]. */
  readonly dense: Float32Array;
  /** Where to start, [out, in]; 0 wherever `kept` is 0. */
  readonly start: Float32Array;
  /** One byte a weight, [out, in], 1 is free. */
  readonly kept: Uint8Array;
}

/** What enters the layer, and who multiplies. */
export interface MomentProduct {
  readonly products: Products;
  /** XᵀX, both triangles, [in, in]; undamped. */
  product(): Dense;
}

/** When to stop, and how far to trust the moments. */
export interface LeastSquaresOptions {
  /** Adds damping · mean(diag XᵀX) · ‖W − W'‖² to what is minimised, as the OBS update does; 0 adds nothing. */
  readonly damping: number;
  /** Iterations at most; each is one product of [out, in] by [in, in]. */
  readonly iterations: number;
  /** A row is done where an iteration lowers its error by less than this share of it. */
  readonly tolerance: number;
  readonly signal?: AbortSignal | undefined;
}

export interface LeastSquaresResult {
  /** [out, in]; 0 wherever `kept` is 0. */
  readonly values: Float32Array;
  /** ‖(w − w')X‖² of each row before and after, undamped, [out]. */
  readonly before: Float64Array;
  readonly after: Float64Array;
  /** Products of rows by XᵀX, in whole weights. */
  readonly products: number;
}

/** Values in flight at a time, so that a page stays responsive and its memory small. */
const BLOCK_VALUES = 2 ** 21;
/** Residuals are computed anew after so many iterations, since float32 lets the running ones drift. */
const FRESH_RESIDUAL = 20;

/**
 * Minimises ‖(W − W')X‖² + damping · mean(diag XᵀX) · ‖W − W'‖² over the kept values of W'. No row ends with a
 * larger undamped error than it had: where rounding or damping would raise it, the row stays as it was.
 *
 * @throws the signal's reason
 */
export async function leastSquares(
  problem: LeastSquaresProblem,
  input: MomentProduct,
  options: LeastSquaresOptions,
): Promise<LeastSquaresResult> {
  const { out, in: inputs } = problem.shape;
  const values = new Float32Array(out * inputs);
  const before = new Float64Array(out);
  const after = new Float64Array(out);
  const rows = Math.max(1, Math.floor(BLOCK_VALUES / inputs));
  let products = 0;
  for (let from = 0; from < out; from += rows) {
    const to = Math.min(out, from + rows);
    const block = new RowBlock(problem, from, to, input, options);
    products += (await block.solve()) * ((to - from) / out);
    values.set(block.values, from * inputs);
    before.set(block.before, from);
    after.set(block.after, from);
    block.free();
  }
  return { values, before, after, products };
}

/**
 * ‖(w − w')X‖² of every row, [out].
 *
 * @param difference W − W', [out, in]
 */
export async function rowErrors(difference: Dense, input: MomentProduct): Promise<Float64Array> {
  const { values: gradient } = await input.products.multiply(difference, input.product());
  const errors = Float64Array.from({ length: difference.rows }, (_, o) =>
    Math.max(0, rowDot(difference.values, gradient, o, difference.columns)),
  );
  free(gradient);
  return errors;
}

/** Σ a · b over row `o` of two [rows, columns] matrices, in float64. */
function rowDot(a: Float32Array, b: Float32Array, o: number, columns: number): number {
  let sum = 0;
  for (let k = o * columns; k < (o + 1) * columns; k++) sum += (a[k] as number) * (b[k] as number);
  return sum;
}

/** Conjugate gradients on some rows of the weight, in step. */
class RowBlock {
  /** W' of these rows, [rows, in]. */
  readonly values: Float32Array;
  readonly before: Float64Array;
  readonly after: Float64Array;
  private readonly rows: number;
  private readonly columns: number;
  private readonly dense: Float32Array;
  private readonly kept: Uint8Array;
  private readonly start: Float32Array;
  /** What damping adds to the diagonal. */
  private readonly shift: number;
  /** One over the damped diagonal; 0 at dead channels, which nothing is known about. */
  private readonly scale: Float64Array;
  private readonly residual: Float32Array;
  private readonly direction: Float32Array;
  /** r · P⁻¹ r of every row; 0 once the row is done. */
  private readonly energy: Float64Array;
  /** What is minimised, as far as the steps so far tell, [rows]. */
  private readonly objective: Float64Array;

  constructor(
    problem: LeastSquaresProblem,
    from: number,
    to: number,
    private readonly input: MomentProduct,
    private readonly options: LeastSquaresOptions,
  ) {
    this.rows = to - from;
    this.columns = problem.shape.in;
    const [begin, end] = [from * this.columns, to * this.columns];
    this.dense = problem.dense.subarray(begin, end);
    this.kept = problem.kept.subarray(begin, end);
    this.start = problem.start.subarray(begin, end);
    this.values = this.start.slice();
    this.before = new Float64Array(this.rows);
    this.after = new Float64Array(this.rows);
    this.residual = new Float32Array(end - begin);
    this.direction = new Float32Array(end - begin);
    this.energy = new Float64Array(this.rows);
    this.objective = new Float64Array(this.rows);
    const { values } = input.product();
    const diagonal = Float64Array.from({ length: this.columns }, (_, i) => values[i * (this.columns + 1)] as number);
    this.shift = (options.damping * diagonal.reduce((a, b) => a + b, 0)) / this.columns;
    this.scale = diagonal.map((d) => (d + this.shift > 0 ? 1 / (d + this.shift) : 0));
  }

  /** Runs until every row is done. @returns products taken */
  async solve(): Promise<number> {
    await this.freshResidual();
    this.before.set(this.errors);
    let products = 2;
    for (let done = 0; done < this.options.iterations && this.energy.some((e) => e > 0); done++) {
      this.options.signal?.throwIfAborted();
      if (done > 0 && done % FRESH_RESIDUAL === 0) {
        await this.freshResidual();
        products++;
      }
      const image = await this.times(this.direction);
      for (let o = 0; o < this.rows; o++) if ((this.energy[o] as number) > 0) this.step(o, image);
      free(image);
      products++;
    }
    await this.freshResidual();
    for (let o = 0; o < this.rows; o++) {
      const better = (this.errors[o] as number) < (this.before[o] as number);
      this.after[o] = (better ? this.errors : this.before)[o] as number;
      if (!better) this.values.set(this.start.subarray(o * this.columns, (o + 1) * this.columns), o * this.columns);
    }
    return products;
  }

  /** Undamped errors of the rows, as the last fresh residual had them. */
  private errors = new Float64Array(0);

  private async times(values: Float32Array): Promise<Float32Array> {
    const left: Dense = { rows: this.rows, columns: this.columns, values };
    return (await this.input.products.multiply(left, this.input.product())).values;
  }

  /** The residual from the values themselves, and directions that begin anew with it. */
  private async freshResidual(): Promise<void> {
    const { rows, columns, kept, residual, direction, scale, shift } = this;
    const difference = new Float32Array(this.dense.length);
    for (let k = 0; k < difference.length; k++) difference[k] = (this.dense[k] as number) - (this.values[k] as number);
    const gradient = await this.times(difference);
    this.errors = Float64Array.from({ length: rows }, (_, o) => Math.max(0, rowDot(difference, gradient, o, columns)));
    for (let o = 0, k = 0; o < rows; o++) {
      let energy = 0;
      for (let i = 0; i < columns; i++, k++) {
        const r = ((gradient[k] as number) + shift * (difference[k] as number)) * (kept[k] as number);
        const z = r * (scale[i] as number);
        residual[k] = r;
        direction[k] = z;
        energy += r * z;
      }
      this.energy[o] = energy;
      this.objective[o] = (this.errors[o] as number) + shift * rowDot(difference, difference, o, columns);
    }
    free(difference, gradient);
  }

  /** Frees what is large. Nothing can be asked for afterwards. */
  free(): void {
    free(this.values, this.residual, this.direction);
  }

  /**
   * One step of row `o`; `image` is direction · XᵀX, [rows, in]. Off the mask direction and residual are 0: masks are
   * factors and not conditions, since no processor foresees them.
   */
  private step(o: number, image: Float32Array): void {
    const { columns, kept, residual, direction, values, scale, shift } = this;
    const [begin, end] = [o * columns, (o + 1) * columns];
    const energy = this.energy[o] as number;
    const curvature = rowDot(direction, image, o, columns) + shift * rowDot(direction, direction, o, columns);
    this.energy[o] = 0;
    // Flat or, by rounding, downhill for ever: nothing is to be gained along this direction.
    if (!(curvature > 0)) return;
    const length = energy / curvature;
    let next = 0;
    for (let k = begin, i = 0; k < end; k++, i++) {
      const p = direction[k] as number;
      values[k] = (values[k] as number) + length * p;
      const r = ((residual[k] as number) - length * ((image[k] as number) + shift * p)) * (kept[k] as number);
      residual[k] = r;
      next += r * r * (scale[i] as number);
    }
    // Along a conjugate direction the objective falls by exactly length · energy.
    const objective = (this.objective[o] as number) - length * energy;
    this.objective[o] = objective;
    if (length * energy <= this.options.tolerance * objective) return;
    this.energy[o] = next;
    const turn = next / energy;
    for (let k = begin, i = 0; k < end; k++, i++)
      direction[k] = (residual[k] as number) * (scale[i] as number) + turn * (direction[k] as number);
  }
}
