/**
 * Eigenvalues and eigenvectors of a symmetric matrix in float64: its tridiagonal form, the eigenvectors of that by
 * divide and conquer, and back, reflections being applied many at a time (Schreiber & Van Loan 1989).
 */
import type { LinalgOptions } from "./factorise.js";
import { LowerTiles } from "./lower-tiles.js";
import type { Dense, Products } from "./products.js";
import { transposed } from "./transposed.js";
import { tridiagonalEigen } from "./tridiagonal-eigen.js";
import { type Reflection, tridiagonalForm } from "./tridiagonal-form.js";

/** A = Q diag(values) Qᵀ. */
export interface SymmetricEigen {
  /** Ascending, [size]. */
  readonly values: Float64Array;
  /** Q, [size, size]: the eigenvector of value k is column k, of length 1. */
  readonly vectors: Dense<Float64Array>;
}

/** Reflections that are applied together, and rows that they are applied to. */
const [TOGETHER, STRIP] = [128, 256] as const;

/**
 * All eigenvalues and eigenvectors of a symmetric [size, size] matrix, of which the lower triangle is read.
 *
 * @throws RangeError where it is not finite; the signal's reason when it is aborted
 */
export async function symmetricEigen(a: Dense<Float64Array>, options: LinalgOptions): Promise<SymmetricEigen> {
  const size = a.rows;
  const { diagonal, offDiagonal, reflections } = await tridiagonalForm(LowerTiles.ofDense(a), options);
  const { values, vectors } = await tridiagonalEigen(diagonal, offDiagonal, options);
  const columns = transposed({ rows: size, columns: size, values: vectors });
  for (let end = reflections.length; end > 0; end = Math.max(0, end - TOGETHER)) {
    const from = Math.max(0, end - TOGETHER);
    await reflect(reflections.slice(from, end), from + 1, columns, options);
  }
  return { values, vectors: columns };
}

/** Applies the product of reflections, all 0 before row `first`, to `matrix` in place: I − V S Vᵀ with S upper triangular. */
async function reflect(
  reflections: readonly Reflection[],
  first: number,
  matrix: Dense<Float64Array>,
  { products, signal }: LinalgOptions,
): Promise<void> {
  const { columns, rows: size } = matrix;
  const count = reflections.length;
  const rows = size - first;
  const acrossValues = new Float64Array(count * rows);
  for (const [k, { vector }] of reflections.entries()) acrossValues.set(vector.subarray(first), k * rows);
  const across = { rows: count, columns: rows, values: acrossValues };
  const v = transposed(across);
  const s = await together(across, reflections, products);
  const strips = Array.from({ length: Math.ceil(rows / STRIP) }, (_, i) => {
    const [from, to] = [i * STRIP, Math.min(rows, (i + 1) * STRIP)];
    const slice = (values: Float64Array, width: number, offset: number): Dense<Float64Array> => ({
      rows: to - from,
      columns: width,
      values: values.subarray((offset + from) * width, (offset + to) * width),
    });
    return { v: slice(v.values, count, 0), matrix: slice(matrix.values, columns, first) };
  });
  let sum: Dense<Float64Array> | undefined;
  for (const strip of strips) {
    signal?.throwIfAborted();
    sum = await products.multiply(strip.v, strip.matrix, { transposeA: true, ...(sum && { plus: sum }) });
  }
  const change = await products.multiply(s, sum as Dense<Float64Array>);
  for (const strip of strips) {
    signal?.throwIfAborted();
    const changed = await products.multiply(strip.v, change, { factor: -1, plus: strip.matrix });
    strip.matrix.values.set(changed.values);
  }
}

/** S of reflections whose vectors are the rows of `across`. */
async function together(
  across: Dense<Float64Array>,
  reflections: readonly Reflection[],
  products: Products,
): Promise<Dense<Float64Array>> {
  const count = reflections.length;
  const dots = (await products.multiply(across, across, { transposeB: true })).values;
  const values = new Float64Array(count * count);
  for (const [k, { scale }] of reflections.entries()) {
    values[k * (count + 1)] = scale;
    for (let i = 0; i < k; i++) {
      let sum = 0;
      for (let j = i; j < k; j++) sum += (values[i * count + j] as number) * (dots[j * count + k] as number);
      values[i * count + k] = -scale * sum;
    }
  }
  return { rows: count, columns: count, values };
}
