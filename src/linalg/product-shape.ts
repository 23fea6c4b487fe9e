/** Which shape a product has, and whether its operands fit: what everything behind the door of products asks first. */
import type { Dense, ProductOptions } from "./products.js";

/** The lengths of a product's three loops. */
export interface ProductShape {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/**
 * The shape of factor · op(a) · op(b) + plus.
 *
 * @throws RangeError where operands are not as long as their shapes say, or shapes do not fit
 */
export function productShape<Values extends Float32Array | Float64Array>(
  a: Dense<Values>,
  b: Dense<Values>,
  { transposeA = false, transposeB = false, plus }: ProductOptions<Values>,
): ProductShape {
  for (const { rows, columns, values } of [a, b, ...(plus ? [plus] : [])])
    if (values.length !== rows * columns)
      throw new RangeError(`a matrix of shape [${rows}, ${columns}] has ${values.length} values`);
  const [rows, inner] = transposeA ? [a.columns, a.rows] : [a.rows, a.columns];
  const [innerOfB, columns] = transposeB ? [b.columns, b.rows] : [b.rows, b.columns];
  if (inner !== innerOfB) throw new RangeError(`[${rows}, ${inner}] cannot be multiplied by [${innerOfB}, ${columns}]`);
  if (plus && (plus.rows !== rows || plus.columns !== columns))
    throw new RangeError(`[${plus.rows}, ${plus.columns}] cannot be added to a product of [${rows}, ${columns}]`);
  return { rows, inner, columns };
}
