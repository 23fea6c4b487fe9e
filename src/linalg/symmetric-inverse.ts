/** The inverse of a symmetric positive definite matrix, for those who need it as a whole and once. */
import { Cholesky } from "./cholesky.js";
import type { LinalgOptions } from "./factorise.js";
import { LowerTiles } from "./lower-tiles.js";
import type { Dense } from "./products.js";

/**
 * A⁻¹, [size, size], of a matrix of which the lower triangle is read.
 *
 * @throws NotPositiveDefinite; the signal's reason when it is aborted
 */
export async function symmetricInverse(a: Dense<Float64Array>, options: LinalgOptions): Promise<Dense<Float64Array>> {
  const cholesky = await Cholesky.of(LowerTiles.ofDense(a), options);
  return (await cholesky.inverted()).dense({ symmetric: true });
}
