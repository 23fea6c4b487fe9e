/**
 * The Cholesky factorisation A = L Lᵀ of a symmetric positive definite matrix in float64, and what follows from it:
 * solutions, the inverse of A, the inverse of L.
 */
import { factorise, invertLower, type LinalgOptions, sumOfProducts } from "./factorise.js";
import type { LowerTiles } from "./lower-tiles.js";
import type { Dense } from "./products.js";
import { transposed } from "./transposed.js";

/** A factorised matrix. Its methods that return an inverse use its memory: nothing can be asked for afterwards. */
export class Cholesky {
  private constructor(
    private readonly lower: LowerTiles,
    /** Inverses of the tiles on L's diagonal. */
    private readonly inverses: readonly Dense<Float64Array>[],
    private readonly options: LinalgOptions,
  ) {}

  /**
   * Factorises the symmetric matrix whose lower triangle `tiles` has, in their memory. A pivot of at most
   * 4 · size · 2⁻⁵² times its diagonal element is rounding and counts as 0.
   *
   * @throws NotPositiveDefinite; the signal's reason when it is aborted
   */
  static async of(tiles: LowerTiles, options: LinalgOptions): Promise<Cholesky> {
    const above = tiles.diagonal().map((value) => 4 * tiles.size * Number.EPSILON * value);
    return new Cholesky(tiles, await factorise(tiles, { above, offset: 0 }, options), options);
  }

  /** L as a whole, [size, size], 0 above the diagonal. */
  factor(): Dense<Float64Array> {
    return this.lower.dense({ symmetric: false });
  }

  /** L⁻¹, in the memory of L.
   *  @throws the signal's reason when it is aborted */
  async invertedFactor(): Promise<LowerTiles> {
    await invertLower(this.lower, this.inverses, this.options);
    return this.lower;
  }

  /** The lower triangle of A⁻¹, in the memory of L.
   *  @throws the signal's reason when it is aborted */
  async inverted(): Promise<LowerTiles> {
    const { products, signal } = this.options;
    const tiles = await this.invertedFactor();
    // (A⁻¹)_ij = Σ_k (L⁻¹)_kiᵀ (L⁻¹)_kj; transposed once, tiles are multiplied in the kernels' fastest way.
    for (let k = 0; k < tiles.count; k++) for (let i = 0; i <= k; i++) tiles.put(k, i, transposed(tiles.at(k, i)));
    for (let i = 0; i < tiles.count; i++) {
      // The tiles of row i are read until all of the inverse's row is there; rows above are read no more.
      const row: Dense<Float64Array>[] = [];
      for (let j = 0; j <= i; j++) {
        signal?.throwIfAborted();
        const pair = (k: number) => [tiles.at(i + k, i), tiles.at(i + k, j)] as const;
        row.push(await sumOfProducts(products, tiles.count - i, pair, { transposeB: true }));
      }
      for (const [j, tile] of row.entries()) tiles.put(i, j, tile);
    }
    return tiles;
  }

  /**
   * A⁻¹ b, [size, columns].
   *
   * @throws RangeError where b has another number of rows; the signal's reason when it is aborted
   */
  async solve(b: Dense<Float64Array>): Promise<Dense<Float64Array>> {
    const { lower, inverses, options } = this;
    const { products, signal } = options;
    if (b.rows !== lower.size) throw new RangeError(`${b.rows} rows cannot be solved for by a matrix of ${lower.size}`);
    const x = b.values.slice();
    const rows = (i: number): Dense<Float64Array> => ({
      rows: lower.length(i),
      columns: b.columns,
      values: x.subarray(lower.start(i) * b.columns, lower.start(i + 1) * b.columns),
    });
    // L y = b from the first rows to the last, then Lᵀ x = y back.
    for (const transposeA of [false, true])
      for (let step = 0; step < lower.count; step++) {
        const i = transposeA ? lower.count - 1 - step : step;
        let sum = rows(i);
        for (let done = 0; done < step; done++) {
          signal?.throwIfAborted();
          const k = transposeA ? lower.count - 1 - done : done;
          const tile = transposeA ? lower.at(k, i) : lower.at(i, k);
          sum = await products.multiply(tile, rows(k), { transposeA, factor: -1, plus: sum });
        }
        const solved = await products.multiply(inverses[i] as Dense<Float64Array>, sum, { transposeA });
        rows(i).values.set(solved.values);
      }
    return { ...b, values: x };
  }
}
