/**
 * Products by three loops, with sums in float64: what tests compare the runtime's kernels with, and what small
 * matrices can be multiplied with where no runtime is at hand.
 */
import { productShape } from "./product-shape.js";
import { type Dense, emptyLike, type ProductOptions, type Products } from "./products.js";
import { transposed } from "./transposed.js";

/** Products without a runtime; each is rounded once, to the type of its operands. */
export const plainProducts = (): Products => ({
  async multiply<Values extends Float32Array | Float64Array>(
    a: Dense<Values>,
    b: Dense<Values>,
    options: ProductOptions<Values> = {},
  ): Promise<Dense<Values>> {
    const { rows, inner, columns } = productShape(a, b, options);
    // Both operands are read along their rows.
    const left = (options.transposeA ? transposed(a) : a).values;
    const right = (options.transposeB ? b : transposed(b)).values;
    const { factor = 1, plus } = options;
    const values = emptyLike(a.values, rows * columns);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0, p = i * inner, q = j * inner; k < inner; k++)
          sum += (left[p + k] as number) * (right[q + k] as number);
        const at = i * columns + j;
        values[at] = factor * sum + (plus ? (plus.values[at] as number) : 0);
      }
    return { rows, columns, values };
  },
});
