import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Cholesky } from "../../src/linalg/cholesky.js";
import { LowerTiles } from "../../src/linalg/lower-tiles.js";
import { plainProducts } from "../../src/linalg/plain-products.js";
import type { Dense } from "../../src/linalg/products.js";
import { distance, randomMatrix } from "../helpers/matrices.js";
import { LAPACK, matrixOf } from "./lapack.js";

const products = plainProducts();
const options = { products };

const diagonalOf = ({ rows, values }: Dense<Float64Array>) =>
  Array.from({ length: rows }, (_, i) => values[i * (rows + 1)] as number);

/** X Xᵀ + I / 2 of a random X. */
async function positiveDefinite(size: number, seed: number): Promise<Dense<Float64Array>> {
  const x = randomMatrix(size, size, seed);
  const a = await products.multiply(x, x, { transposeB: true });
  for (let i = 0; i < size; i++) a.values[i * (size + 1)] = (a.values[i * (size + 1)] as number) + 0.5;
  return a;
}

const sizes = fc.integer({ min: 1, max: 140 });
const tiles = fc.option(fc.integer({ min: 1, max: 150 }), { nil: undefined });
const seeds = fc.nat(1000);

describe("the Cholesky factorisation", () => {
  it("gives a lower factor whose product with its transpose is the matrix, whatever the size of the tiles", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, tiles, seeds, async (size, tile, seed) => {
        const a = await positiveDefinite(size, seed);
        const factor = (
          await Cholesky.of(LowerTiles.ofDense(a, tile && Math.max(tile, Math.ceil(size / 12))), options)
        ).factor();
        for (let i = 0; i < size; i++)
          expect(factor.values.subarray(i * size + i + 1, (i + 1) * size).every((value) => value === 0)).toBe(true);
        expect(distance(await products.multiply(factor, factor, { transposeB: true }), a)).toBeLessThan(1e-14 * size);
      }),
      { numRuns: 20 },
    );
  });

  it("solves for many right-hand sides, and inverts", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 9 }), seeds, async (size, columns, seed) => {
        const a = await positiveDefinite(size, seed);
        const x = randomMatrix(size, columns, seed + 1);
        const cholesky = await Cholesky.of(LowerTiles.ofDense(a), options);
        const b = await products.multiply(a, x);
        const given = b.values.slice();
        expect(distance(await cholesky.solve(b), x)).toBeLessThan(1e-9);
        expect(b.values).toEqual(given);
        const inverse = (await cholesky.inverted()).dense({ symmetric: true });
        expect(distance(await products.multiply(inverse, b), x)).toBeLessThan(1e-9);
      }),
      { numRuns: 20 },
    );
  });

  it.each(LAPACK)("agrees with LAPACK on the $formula matrix of $size", async (figures) => {
    const a = matrixOf(figures);
    const condition = (figures.eigenvalues.at(-1) as number) / (figures.eigenvalues[0] as number);
    const cholesky = await Cholesky.of(LowerTiles.ofDense(a, 48), options);
    const factor = cholesky.factor();
    expect(distance(await products.multiply(factor, factor, { transposeB: true }), a)).toBeLessThan(1e-15);
    const tolerance = condition * 1e-15;
    expect(distance({ values: diagonalOf(factor) }, { values: figures.factorDiagonal })).toBeLessThan(tolerance);
    const inverse = (await cholesky.inverted()).dense({ symmetric: true });
    expect(distance({ values: diagonalOf(inverse) }, { values: figures.inverseDiagonal })).toBeLessThan(tolerance);
  });

  it("names the first row that is not positive definite, in whichever tile it lies", async () => {
    for (const [size, row] of [
      [5, 3],
      [130, 100],
      [300, 290],
    ] as const) {
      const a = LowerTiles.of(size, (i, into) => into.fill(0, 0, i).fill(i === row ? -1 : 1, i, i + 1));
      await expect(Cholesky.of(a, options)).rejects.toMatchObject({ name: "NotPositiveDefinite", row });
    }
  });

  it("takes a pivot that is nothing but rounding for 0", async () => {
    // Of rank 3 but for rounding, which leaves pivots of about 1e-16 that may be positive.
    for (let seed = 0; seed < 20; seed++) {
      const x = randomMatrix(70, 3, seed);
      const a = await products.multiply(x, x, { transposeB: true });
      await expect(Cholesky.of(LowerTiles.ofDense(a), options)).rejects.toMatchObject({ row: 3 });
    }
  });
});
