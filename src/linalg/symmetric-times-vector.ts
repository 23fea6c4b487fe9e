/**
 * A symmetric matrix times a vector, of its lower triangle alone: each element is read once and used twice, four rows
 * at a time, since memory is what this waits for. (A product by the runtime reads the triangle twice.)
 */
import type { LowerTiles } from "./lower-tiles.js";

/**
 * y = A x of the rows and columns from `first` on.
 *
 * @param x [size], 0 before `first`
 * @param y [size]; rows before `first` may hold anything afterwards
 */
export function symmetricTimesVector(tiles: LowerTiles, x: Float64Array, y: Float64Array, first: number): void {
  y.fill(0);
  for (let i = 0; i < tiles.count; i++) {
    if (tiles.start(i + 1) <= first) continue;
    for (let j = 0; j < i; j++) {
      if (tiles.start(j + 1) <= first) continue;
      const { values } = tiles.at(i, j);
      addTile(values, [tiles.length(i), tiles.length(j)], [tiles.start(i), tiles.start(j)], x, y);
    }
    addDiagonalTile(tiles.at(i, i).values, tiles.length(i), tiles.start(i), x, y);
  }
}

/** y_i += T x_j and y_j += Tᵀ x_i. */
function addTile(
  tile: Float64Array,
  [rows, columns]: readonly [number, number],
  [top, left]: readonly [number, number],
  x: Float64Array,
  y: Float64Array,
): void {
  let i = 0;
  for (; i + 3 < rows; i += 4) {
    const at = i * columns;
    const [a, b, c, d] = [at, at + columns, at + 2 * columns, at + 3 * columns];
    const [xa, xb, xc, xd] = [x[top + i], x[top + i + 1], x[top + i + 2], x[top + i + 3]] as [
      number,
      number,
      number,
      number,
    ];
    let [sa, sb, sc, sd] = [0, 0, 0, 0];
    for (let k = 0; k < columns; k++) {
      const xk = x[left + k] as number;
      const ta = tile[a + k] as number;
      const tb = tile[b + k] as number;
      const tc = tile[c + k] as number;
      const td = tile[d + k] as number;
      sa += ta * xk;
      sb += tb * xk;
      sc += tc * xk;
      sd += td * xk;
      y[left + k] = (y[left + k] as number) + ta * xa + tb * xb + tc * xc + td * xd;
    }
    y[top + i] = (y[top + i] as number) + sa;
    y[top + i + 1] = (y[top + i + 1] as number) + sb;
    y[top + i + 2] = (y[top + i + 2] as number) + sc;
    y[top + i + 3] = (y[top + i + 3] as number) + sd;
  }
  for (; i < rows; i++) addRow(tile, i * columns, columns, top + i, left, x, y);
}

function addDiagonalTile(tile: Float64Array, size: number, start: number, x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < size; i++) {
    addRow(tile, i * size, i, start + i, start, x, y);
    y[start + i] = (y[start + i] as number) + (tile[i * size + i] as number) * (x[start + i] as number);
  }
}

/** The same as `addTile` for one row, whose elements begin at `at`. */
function addRow(
  tile: Float64Array,
  at: number,
  columns: number,
  row: number,
  left: number,
  x: Float64Array,
  y: Float64Array,
): void {
  const xi = x[row] as number;
  let sum = 0;
  for (let k = 0; k < columns; k++) {
    const element = tile[at + k] as number;
    sum += element * (x[left + k] as number);
    y[left + k] = (y[left + k] as number) + element * xi;
  }
  y[row] = (y[row] as number) + sum;
}
