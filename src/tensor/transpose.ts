/**
 * A matrix with its axes swapped. Weights are [out, in] to the rest of the package; what goes through them channel
 * by channel wants [in, out], where the values of a channel lie side by side.
 */

/** Side of the tiles: two of float32 fit a core's nearest cache, and rows of either side are whole cache lines. */
const TILE = 32;

/**
 * Writes [rows, columns] as [columns, rows].
 *
 * @param from [rows, columns]
 * @param to [columns, rows], of the same length; not `from` itself
 * @returns `to`
 */
export function transposeInto<Values extends Float32Array | Uint8Array>(
  from: Values,
  to: Values,
  rows: number,
  columns: number,
): Values {
  for (let top = 0; top < rows; top += TILE)
    for (let left = 0; left < columns; left += TILE) {
      const [bottom, right] = [Math.min(rows, top + TILE), Math.min(columns, left + TILE)];
      for (let column = left; column < right; column++)
        for (let row = top; row < bottom; row++) to[column * rows + row] = from[row * columns + column] as number;
    }
  return to;
}
