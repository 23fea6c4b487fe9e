/**
 * Products of dense matrices, which all of the linear algebra here is made of, as a door: the runtime's own
 * kernels are behind it where a model is pruned (runtime/products.ts), plain loops where there is no runtime.
 */

/** A dense matrix, row after row. */
export interface Dense<Values extends Float32Array | Float64Array = Float32Array> {
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns] */
  readonly values: Values;
}

/** How two matrices are multiplied. */
export interface ProductOptions<Values extends Float32Array | Float64Array> {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** What the product is multiplied with; 1 where absent. */
  readonly factor?: number;
  /** What is added to it, of the product's shape. */
  readonly plus?: Dense<Values>;
}

/** Multiplies matrices of one float type. */
export interface Products {
  /**
   * factor · op(a) · op(b) + plus, in memory of its own.
   *
   * @throws RangeError where shapes do not fit
   */
  multiply<Values extends Float32Array | Float64Array>(
    a: Dense<Values>,
    b: Dense<Values>,
    options?: ProductOptions<Values>,
  ): Promise<Dense<Values>>;
}

/** Zeros of the same float type. */
export const emptyLike = <Values extends Float32Array | Float64Array>(values: Values, length: number): Values =>
  (values instanceof Float32Array ? new Float32Array(length) : new Float64Array(length)) as Values;
