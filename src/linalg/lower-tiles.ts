/**
 * The lower triangle of a square matrix, cut into tiles that are multiplied without being copied first: half the
 * memory of the whole, and every step on it is a product of small matrices, after which others get a turn.
 */
import { free } from "../tensor/free.js";
import type { Dense } from "./products.js";

/** Sides of tiles. Products of 256 × 256 are the fastest that we measured; smaller ones halve what is left to loops. */
const [LARGE, SMALL] = [256, 64] as const;

/** The lower triangle of a [size, size] float64 matrix: of a symmetric one, or of one that is 0 above the diagonal. */
export class LowerTiles {
  /** Where each tile begins, in rows and columns; behind them the size of the matrix. */
  readonly edges: readonly number[];
  /** Rows of tiles. */
  readonly count: number;
  private readonly tiles: Dense<Float64Array>[][];

  private constructor(
    readonly size: number,
    tile: number,
  ) {
    this.count = Math.ceil(size / tile);
    this.edges = Array.from({ length: this.count + 1 }, (_, i) => Math.min(i * tile, size));
    this.tiles = Array.from({ length: this.count }, () => []);
  }

  /**
   * Tiles of what `row` gives.
   *
   * @param row writes the elements of a row up to the diagonal, [row + 1], to the array it gets
   * @param tile side of a tile; where absent one that fits the size
   */
  static of(size: number, row: (index: number, into: Float64Array) => void, tile: number = tileFor(size)): LowerTiles {
    const made = new LowerTiles(size, tile);
    const elements = new Float64Array(size);
    for (let i = 0; i < made.count; i++) {
      const rows = made.length(i);
      for (let j = 0; j <= i; j++)
        made.put(i, j, { rows, columns: made.length(j), values: new Float64Array(rows * made.length(j)) });
      for (let r = 0; r < rows; r++) {
        const index = made.start(i) + r;
        row(index, elements);
        for (let j = 0; j <= i; j++) {
          const columns = made.length(j);
          const end = j === i ? index + 1 : made.start(j) + columns;
          made.at(i, j).values.set(elements.subarray(made.start(j), end), r * columns);
        }
      }
    }
    return made;
  }

  /** Tiles of the lower triangle of a [size, size] matrix. */
  static ofDense({ rows, columns, values }: Dense<Float64Array>, tile?: number): LowerTiles {
    return LowerTiles.of(rows, (i, into) => into.set(values.subarray(i * columns, i * columns + i + 1)), tile);
  }

  /** The first row, or column, of a row of tiles. */
  start(index: number): number {
    return this.edges[index] as number;
  }

  /** Rows, or columns, of a row of tiles. */
  length(index: number): number {
    return this.start(index + 1) - this.start(index);
  }

  /** The tile in row i and column j ≤ i of tiles. */
  at(i: number, j: number): Dense<Float64Array> {
    return this.tiles[i]?.[j] as Dense<Float64Array>;
  }

  /** Puts another tile there, and frees the one that was. */
  put(i: number, j: number, tile: Dense<Float64Array>): void {
    const row = this.tiles[i] as Dense<Float64Array>[];
    const before = row[j];
    row[j] = tile;
    if (before !== undefined && before !== tile) free(before.values);
  }

  /** Frees all of them. Nothing can be asked for afterwards. */
  free(): void {
    free(...this.tiles.flat().map(({ values }) => values));
  }

  /** Calls `visit` with the elements of every row, piece by piece: row, first column, and what is there. */
  forEachRun(visit: (row: number, column: number, values: Float64Array) => void): void {
    for (let i = 0; i < this.count; i++)
      for (let j = 0; j <= i; j++) {
        const { rows, columns, values } = this.at(i, j);
        for (let r = 0; r < rows; r++) {
          const run = values.subarray(r * columns, r * columns + (i === j ? r + 1 : columns));
          visit(this.start(i) + r, this.start(j), run);
        }
      }
  }

  /** The diagonal, [size]. */
  diagonal(): Float64Array {
    const diagonal = new Float64Array(this.size);
    for (let i = 0; i < this.count; i++) {
      const { rows, values } = this.at(i, i);
      for (let r = 0; r < rows; r++) diagonal[this.start(i) + r] = values[r * (rows + 1)] as number;
    }
    return diagonal;
  }

  /** The whole symmetric matrix, [size, size], rounded; frees the tiles, as {@link free} does. */
  toFloat32(): Dense {
    const whole = this.spreadInto(new Float32Array(this.size ** 2), { symmetric: true });
    this.free();
    return whole;
  }

  /** The whole matrix, [size, size]: 0 above the diagonal, or what is below it where it is `symmetric`. */
  dense({ symmetric }: { readonly symmetric: boolean }): Dense<Float64Array> {
    return this.spreadInto(new Float64Array(this.size ** 2), { symmetric });
  }

  /** @param whole zeros, [size, size] */
  private spreadInto<Values extends Float32Array | Float64Array>(
    whole: Values,
    { symmetric }: { readonly symmetric: boolean },
  ): Dense<Values> {
    const { size } = this;
    this.forEachRun((row, column, run) => {
      whole.set(run, row * size + column);
      if (symmetric) for (let k = 0; k < run.length; k++) whole[(column + k) * size + row] = run[k] as number;
    });
    return { rows: size, columns: size, values: whole };
  }
}

/** The side of the tiles: all about the same, so that the last ones are not slivers. */
function tileFor(size: number): number {
  const most = size <= LARGE ? SMALL : LARGE;
  return Math.max(1, Math.ceil(size / Math.ceil(size / most)));
}
