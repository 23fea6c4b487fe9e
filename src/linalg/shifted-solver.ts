/**
 * Solutions of (H + ρ I) X = B for one H and many ρ, as methods with a growing penalty need them. One decomposition
 * into eigenvectors serves every ρ and every weight that reads the same input; it costs as much as 11 to 16 inverses
 * (`npm run bench -- linalg`), and the penalty of ADMM changes about a hundred times.
 */
import type { LinalgOptions } from "./factorise.js";
import type { Dense } from "./products.js";
import { symmetricEigen } from "./symmetric-eigen.js";

/** Solves with H + ρ I, H symmetric and positive semidefinite. */
export class ShiftedSolver {
  private constructor(
    /** Eigenvalues of H, ascending, what rounding left below 0 as 0, [size]. */
    readonly values: Float64Array,
    /** Q, float32, [size, size]. */
    private readonly vectors: Dense,
    private readonly options: LinalgOptions,
  ) {}

  /**
   * A solver for H, [size, size], of which the lower triangle is read.
   *
   * @throws RangeError where it is not finite; the signal's reason when it is aborted
   */
  static async of(h: Dense<Float64Array>, options: LinalgOptions): Promise<ShiftedSolver> {
    const { values, vectors } = await symmetricEigen(h, options);
    return new ShiftedSolver(
      values.map((value) => Math.max(0, value)),
      { ...vectors, values: Float32Array.from(vectors.values) },
      options,
    );
  }

  /**
   * X of (H + rho I) X = B, by two products in float32: Q (Λ + rho)⁻¹ Qᵀ B.
   *
   * @param rho above 0
   * @param b [size, columns]
   * @throws RangeError where `rho` is not above 0, or b has another number of rows; the signal's reason when it is aborted
   */
  async solve(rho: number, b: Dense): Promise<Dense> {
    const { values, vectors, options } = this;
    if (!(rho > 0)) throw new RangeError(`the shift must be above 0, and is ${rho}`);
    options.signal?.throwIfAborted();
    const coordinates = await options.products.multiply(vectors, b, { transposeA: true });
    for (let i = 0, k = 0; i < values.length; i++) {
      const by = (values[i] as number) + rho;
      for (const end = k + b.columns; k < end; k++) coordinates.values[k] = (coordinates.values[k] as number) / by;
    }
    return options.products.multiply(vectors, coordinates);
  }
}
