/** The transpose of a dense matrix, tile by tile, so that neither side leaves the nearest cache. */
import { type Dense, emptyLike } from "./products.js";

const TILE = 32;

/** The transpose of a [rows, columns] matrix, [columns, rows], in memory of its own. */
export function transposed<Values extends Float32Array | Float64Array>(matrix: Dense<Values>): Dense<Values> {
  const { rows, columns, values } = matrix;
  const result = emptyLike(values, rows * columns);
  for (let top = 0; top < rows; top += TILE)
    for (let left = 0; left < columns; left += TILE) {
      const [bottom, right] = [Math.min(rows, top + TILE), Math.min(columns, left + TILE)];
      for (let i = top; i < bottom; i++)
        for (let j = left; j < right; j++) result[j * rows + i] = values[i * columns + j] as number;
    }
  return { rows: columns, columns: rows, values: result };
}
