/**
 * The Cholesky factor of a matrix in tiles, and the inverse of a lower triangle: what `Cholesky` is made of. All but
 * the tiles on the diagonal are products (Golub & Van Loan, Matrix Computations, 4.2.9); those are cut again, down to
 * what plain loops do in less than a millisecond.
 */
import { free } from "../tensor/free.js";
import { LowerTiles } from "./lower-tiles.js";
import type { Dense, Products } from "./products.js";

/** What long computations take. */
export interface LinalgOptions {
  readonly products: Products;
  readonly signal?: AbortSignal | undefined;
}

/** Thrown where a matrix has no Cholesky factor. Callers know what the matrix is and say so. */
export class NotPositiveDefinite extends Error {
  override readonly name = "NotPositiveDefinite";
  /** @param row the first row, from 0, whose pivot is not above what rounding leaves; @param pivot NaN where a value was none */
  constructor(
    readonly row: number,
    readonly pivot: number,
  ) {
    super(`the pivot of row ${row} is ${pivot}, so the matrix is not positive definite`);
  }
}

/** Sides up to which plain loops are faster than products. */
const PLAIN = 64;

/** The pivots that a factorisation allows. */
interface Pivots {
  /** What each must be above, [rows of the whole matrix]. */
  readonly above: Float64Array;
  /** The first row of these tiles in the whole matrix. */
  readonly offset: number;
}

/**
 * Replaces the lower triangle of A by L, A = L Lᵀ.
 *
 * @returns the inverses of the tiles on L's diagonal
 * @throws NotPositiveDefinite; the signal's reason when it is aborted
 */
export async function factorise(
  tiles: LowerTiles,
  pivots: Pivots,
  options: LinalgOptions,
): Promise<readonly Dense<Float64Array>[]> {
  const { products, signal } = options;
  const inverses: Dense<Float64Array>[] = [];
  for (let j = 0; j < tiles.count; j++)
    for (let i = j; i < tiles.count; i++) {
      signal?.throwIfAborted();
      for (let k = 0; k < j; k++) {
        const how = { transposeB: true, factor: -1, plus: tiles.at(i, j) };
        tiles.put(i, j, await products.multiply(tiles.at(i, k), tiles.at(j, k), how));
      }
      const inverse = inverses[j];
      if (inverse !== undefined) tiles.put(i, j, await solvedFor(tiles.at(i, j), tiles.at(j, j), inverse, products));
      else {
        const onDiagonal = { ...pivots, offset: pivots.offset + tiles.start(j) };
        const { factor, inverse } = await factoriseDense(tiles.at(i, j), onDiagonal, options);
        inverses.push(inverse);
        tiles.put(i, j, factor);
      }
    }
  return inverses;
}

/**
 * X of X Lᵀ = T. A product with the inverse, corrected once by what it leaves: without that the error grows with the
 * condition of L, and Cholesky would lose what it is known for.
 */
async function solvedFor(
  t: Dense<Float64Array>,
  lower: Dense<Float64Array>,
  inverse: Dense<Float64Array>,
  products: Products,
): Promise<Dense<Float64Array>> {
  const x = await products.multiply(t, inverse, { transposeB: true });
  const left = await products.multiply(x, lower, { transposeB: true, factor: -1, plus: t });
  const corrected = await products.multiply(left, inverse, { transposeB: true, plus: x });
  free(x.values, left.values);
  return corrected;
}

/**
 * Replaces L by L⁻¹.
 *
 * @param inverses those of the tiles on L's diagonal
 * @throws the signal's reason when it is aborted
 */
export async function invertLower(
  lower: LowerTiles,
  inverses: readonly Dense<Float64Array>[],
  { products, signal }: LinalgOptions,
): Promise<void> {
  for (const [i, inverse] of inverses.entries()) {
    // The tiles of row i are read until all of its inverse is there.
    const row: Dense<Float64Array>[] = [];
    for (let j = 0; j < i; j++) {
      signal?.throwIfAborted();
      const sum = await sumOfProducts(products, i - j, (k) => [lower.at(i, j + k), lower.at(j + k, j)]);
      row.push(await products.multiply(inverse, sum, { factor: -1 }));
      free(sum.values);
    }
    for (const [j, tile] of [...row, inverse].entries()) lower.put(i, j, tile);
  }
}

/** Σ a_k b_k, or a_k b_kᵀ; no sum but the last stays in memory. */
export async function sumOfProducts(
  products: Products,
  count: number,
  pair: (k: number) => readonly [Dense<Float64Array>, Dense<Float64Array>],
  how: { readonly transposeB?: boolean } = {},
): Promise<Dense<Float64Array>> {
  let sum = await products.multiply(...pair(0), how);
  for (let k = 1; k < count; k++) {
    const before = sum;
    sum = await products.multiply(...pair(k), { ...how, plus: before });
    free(before.values);
  }
  return sum;
}

interface WithInverse {
  readonly factor: Dense<Float64Array>;
  readonly inverse: Dense<Float64Array>;
}

/** L and L⁻¹ of a tile. */
async function factoriseDense(tile: Dense<Float64Array>, pivots: Pivots, options: LinalgOptions): Promise<WithInverse> {
  if (tile.rows <= PLAIN) return factorisePlain(tile, pivots);
  const tiles = LowerTiles.ofDense(tile);
  const inverses = await factorise(tiles, pivots, options);
  const factor = tiles.dense({ symmetric: false });
  await invertLower(tiles, inverses, options);
  const inverse = tiles.dense({ symmetric: false });
  tiles.free();
  return { factor, inverse };
}

/** The same by loops, row after row. */
function factorisePlain({ rows: size, values: a }: Dense<Float64Array>, { above, offset }: Pivots): WithInverse {
  const factor = new Float64Array(size * size);
  const inverse = new Float64Array(size * size);
  for (let i = 0, row = 0; i < size; i++, row += size) {
    for (let j = 0, other = 0; j <= i; j++, other += size) {
      let sum = a[row + j] as number;
      for (let k = 0; k < j; k++) sum -= (factor[row + k] as number) * (factor[other + k] as number);
      if (j < i) factor[row + j] = sum / (factor[other + j] as number);
      // Written so that NaN fails too; infinities leave NaN behind them.
      else if (sum > (above[offset + i] as number) && sum < Number.POSITIVE_INFINITY) factor[row + i] = Math.sqrt(sum);
      else throw new NotPositiveDefinite(offset + i, sum);
    }
    const pivot = factor[row + i] as number;
    for (let k = 0, other = 0; k < i; k++, other += size) {
      const by = factor[row + k] as number;
      for (let j = 0; j <= k; j++)
        inverse[row + j] = (inverse[row + j] as number) - by * (inverse[other + j] as number);
    }
    for (let j = 0; j < i; j++) inverse[row + j] = (inverse[row + j] as number) / pivot;
    inverse[row + i] = 1 / pivot;
  }
  return {
    factor: { rows: size, columns: size, values: factor },
    inverse: { rows: size, columns: size, values: inverse },
  };
}
