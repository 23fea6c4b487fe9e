/** Matrices by formula, and what LAPACK found in them: test/fixtures/lapack.json, made by scripts/make-lapack-figures.py. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Dense } from "../../src/linalg/products.js";

const FORMULAS = {
  hilbert: (i, j) => 1 / (i + j + 1),
  lehmer: (i, j) => (Math.min(i, j) + 1) / (Math.max(i, j) + 1),
  gaussian: (i, j) => Math.exp(-(((i - j) / 16) ** 2)) + (i === j ? 1e-10 : 0),
} as const satisfies Record<string, (i: number, j: number) => number>;

/** What LAPACK says of a matrix. */
export interface LapackFigures {
  readonly formula: keyof typeof FORMULAS;
  readonly size: number;
  /** Ascending. */
  readonly eigenvalues: readonly number[];
  readonly factorDiagonal: readonly number[];
  readonly inverseDiagonal: readonly number[];
}

export const LAPACK: readonly LapackFigures[] = JSON.parse(
  readFileSync(join(import.meta.dirname, "../fixtures/lapack.json"), "utf8"),
);

/** The matrix that figures are of. */
export const matrixOf = ({ formula, size }: LapackFigures): Dense<Float64Array> => ({
  rows: size,
  columns: size,
  values: Float64Array.from({ length: size * size }, (_, k) => FORMULAS[formula](Math.floor(k / size), k % size)),
});
