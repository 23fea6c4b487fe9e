/**
 * The tridiagonal form of a symmetric matrix, A = Q T Qᵀ, by Householder reflections in panels (Dongarra, Sorensen &
 * Hammarling 1989): within a panel every column needs a product of the matrix and a vector, which loops over tiles do
 * as fast as memory allows; behind it the matrix is changed by products of rank twice the panel's width.
 */
import type { LinalgOptions } from "./factorise.js";
import type { LowerTiles } from "./lower-tiles.js";
import { Pauses } from "./pauses.js";
import type { Dense } from "./products.js";
import { symmetricTimesVector } from "./symmetric-times-vector.js";

/** A reflection I − scale · v vᵀ. */
export interface Reflection {
  /** v, [size] */
  readonly vector: Float64Array;
  readonly scale: number;
}

/** T, and the reflections whose product, in their order, is Q. */
export interface TridiagonalForm {
  /** [size] */
  readonly diagonal: Float64Array;
  /** [size − 1] */
  readonly offDiagonal: Float64Array;
  /** [size − 1]; the vector of reflection k is 0 up to and including row k. */
  readonly reflections: readonly Reflection[];
}

/** Columns of a panel: wider ones leave more to loops, narrower ones make poorer products. */
const PANEL = 32;

/**
 * Brings the symmetric matrix whose lower triangle `tiles` has to tridiagonal form. What the tiles hold afterwards
 * means nothing.
 *
 * @throws the signal's reason when it is aborted
 */
export async function tridiagonalForm(tiles: LowerTiles, options: LinalgOptions): Promise<TridiagonalForm> {
  const { size } = tiles;
  const diagonal = new Float64Array(size);
  const offDiagonal = new Float64Array(Math.max(0, size - 1));
  const reflections: Reflection[] = [];
  const pauses = new Pauses(options.signal);
  for (let first = 0; first < size - 1; first += PANEL) {
    const panel: PanelColumn[] = [];
    for (let column = first; column < Math.min(first + PANEL, size - 1); column++) {
      await pauses.between();
      const x = columnOf(tiles, column, panel);
      diagonal[column] = x[column] as number;
      const { beta, ...reflection } = reflectionOf(x, column + 1);
      offDiagonal[column] = beta;
      reflections.push(reflection);
      panel.push({ v: reflection.vector, w: partnerOf(tiles, reflection, column + 1, panel) });
    }
    await change(tiles, first + panel.length, panel, options);
  }
  if (size > 0) diagonal[size - 1] = tiles.diagonal()[size - 1] as number;
  return { diagonal, offDiagonal, reflections };
}

/** What a column adds to the change of the matrix: A − v wᵀ − w vᵀ. */
interface PanelColumn {
  readonly v: Float64Array;
  readonly w: Float64Array;
}

/** A column, from the diagonal on, with the changes of its panel, [size]. */
function columnOf(tiles: LowerTiles, column: number, panel: readonly PanelColumn[]): Float64Array {
  const x = new Float64Array(tiles.size);
  const j = tiles.edges.findIndex((_, k) => tiles.start(k + 1) > column);
  for (let i = j; i < tiles.count; i++) {
    const { rows, columns, values } = tiles.at(i, j);
    for (let r = 0; r < rows; r++) x[tiles.start(i) + r] = values[r * columns + column - tiles.start(j)] as number;
  }
  for (const { v, w } of panel) {
    const [byV, byW] = [v[column] as number, w[column] as number];
    for (let r = column; r < x.length; r++) x[r] = (x[r] as number) - (v[r] as number) * byW - (w[r] as number) * byV;
  }
  return x;
}

/** The reflection that leaves of x, from row `from` on, only its first element, which becomes `beta`. */
function reflectionOf(x: Float64Array, from: number): Reflection & { readonly beta: number } {
  const alpha = x[from] as number;
  let squares = 0;
  for (let r = from + 1; r < x.length; r++) squares += (x[r] as number) ** 2;
  const vector = new Float64Array(x.length);
  vector[from] = 1;
  if (squares === 0) return { vector, scale: 0, beta: alpha };
  // Of the opposite sign, so that nothing cancels.
  const beta = -Math.sign(alpha || 1) * Math.sqrt(alpha * alpha + squares);
  for (let r = from + 1; r < x.length; r++) vector[r] = (x[r] as number) / (alpha - beta);
  return { vector, scale: (beta - alpha) / beta, beta };
}

/** w of a column: with it, reflecting the matrix from both sides is A − v wᵀ − w vᵀ. */
function partnerOf(
  tiles: LowerTiles,
  { vector: v, scale }: Reflection,
  from: number,
  panel: readonly PanelColumn[],
): Float64Array {
  const w = new Float64Array(v.length);
  if (scale === 0) return w;
  symmetricTimesVector(tiles, v, w, from);
  w.fill(0, 0, from);
  for (const before of panel) {
    addTo(w, before.v, -dot(before.w, v, from), from);
    addTo(w, before.w, -dot(before.v, v, from), from);
  }
  for (let r = from; r < w.length; r++) w[r] = (w[r] as number) * scale;
  addTo(w, v, (-scale / 2) * dot(w, v, from), from);
  return w;
}

function dot(a: Float64Array, b: Float64Array, from: number): number {
  let sum = 0;
  for (let r = from; r < a.length; r++) sum += (a[r] as number) * (b[r] as number);
  return sum;
}

function addTo(a: Float64Array, b: Float64Array, times: number, from: number): void {
  for (let r = from; r < a.length; r++) a[r] = (a[r] as number) + times * (b[r] as number);
}

/** A − Σ (v wᵀ + w vᵀ) in the tiles that have rows and columns from `from` on. */
async function change(
  tiles: LowerTiles,
  from: number,
  panel: readonly PanelColumn[],
  { products, signal }: LinalgOptions,
): Promise<void> {
  const [left, right] = [
    sideBySide(tiles.size, [...panel.map(({ v }) => v), ...panel.map(({ w }) => w)]),
    sideBySide(tiles.size, [...panel.map(({ w }) => w), ...panel.map(({ v }) => v)]),
  ];
  const rowsOf = ({ columns, values }: Dense<Float64Array>, i: number): Dense<Float64Array> => ({
    rows: tiles.length(i),
    columns,
    values: values.subarray(tiles.start(i) * columns, tiles.start(i + 1) * columns),
  });
  for (let i = 0; i < tiles.count; i++)
    for (let j = 0; j <= i; j++) {
      if (tiles.start(j + 1) <= from) continue;
      signal?.throwIfAborted();
      const how = { transposeB: true, factor: -1, plus: tiles.at(i, j) };
      tiles.put(i, j, await products.multiply(rowsOf(left, i), rowsOf(right, j), how));
    }
}

/** Vectors as the columns of a matrix, [size, vectors]. */
function sideBySide(size: number, vectors: readonly Float64Array[]): Dense<Float64Array> {
  const values = new Float64Array(size * vectors.length);
  for (const [k, vector] of vectors.entries())
    for (let r = 0; r < size; r++) values[r * vectors.length + k] = vector[r] as number;
  return { rows: size, columns: vectors.length, values };
}
