/**
 * Long products as several short ones: a runtime may keep the thread until a product is done, and of two matrices of
 * 4096 × 4096 that is a second. Parts are as fast as the whole where they are sums of many terms.
 */
import { free } from "../tensor/free.js";
import { productShape } from "./product-shape.js";
import { type Dense, emptyLike, type ProductOptions, type Products } from "./products.js";
import { transposed } from "./transposed.js";

/** How products are parted. */
export interface PartOptions {
  /** A part's result has at most side × side elements. */
  readonly side: number;
  /** Products of fewer multiplications than this stay whole. */
  readonly work: number;
}

/** The same products, long ones asked of `products` in parts. */
export const inParts = (products: Products, { side, work }: PartOptions): Products => ({
  async multiply<Values extends Float32Array | Float64Array>(
    a: Dense<Values>,
    b: Dense<Values>,
    how: ProductOptions<Values> = {},
  ): Promise<Dense<Values>> {
    const { rows, inner, columns } = productShape(a, b, how);
    if (rows * inner * columns < work || rows * columns <= side * side) return products.multiply(a, b, how);
    const { factor = 1, plus } = how;
    const result = { rows, columns, values: emptyLike(a.values, rows * columns) };
    const width = Math.min(columns, side);
    const height = Math.floor((side * side) / width);
    // Rows are parts as they lie; of what is transposed, or cut into columns, there are copies.
    const first = how.transposeA ? transposed(a) : a;
    for (let left = 0; left < columns; left += width) {
      const right = Math.min(columns, left + width);
      const second = how.transposeB ? rowsOf(b, left, right) : columnsOf(b, left, right);
      for (let top = 0; top < rows; top += height) {
        const bottom = Math.min(rows, top + height);
        const part = await products.multiply(rowsOf(first, top, bottom), second, {
          transposeB: how.transposeB === true,
          factor,
          ...(plus && { plus: columnsOf(rowsOf(plus, top, bottom), left, right) }),
        });
        for (let r = 0; r < part.rows; r++)
          result.values.set(part.values.subarray(r * part.columns, (r + 1) * part.columns), (top + r) * columns + left);
        free(part.values);
      }
      if (second.values.buffer !== b.values.buffer) free(second.values);
    }
    if (first !== a) free(first.values);
    return result;
  },
});

/** Some rows of a matrix, in its memory. */
const rowsOf = <Values extends Float32Array | Float64Array>(
  { columns, values }: Dense<Values>,
  from: number,
  to: number,
): Dense<Values> => ({
  rows: to - from,
  columns,
  values: values.subarray(from * columns, to * columns) as Values,
});

/** Some columns of a matrix, copied where they are not all. */
function columnsOf<Values extends Float32Array | Float64Array>(
  matrix: Dense<Values>,
  from: number,
  to: number,
): Dense<Values> {
  const { rows, columns, values } = matrix;
  if (to - from === columns) return matrix;
  const width = to - from;
  const copy = emptyLike(values, rows * width);
  for (let r = 0; r < rows; r++) copy.set(values.subarray(r * columns + from, r * columns + to), r * width);
  return { rows, columns: width, values: copy };
}
