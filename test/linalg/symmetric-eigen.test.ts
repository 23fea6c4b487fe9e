import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainProducts } from "../../src/linalg/plain-products.js";
import type { Dense } from "../../src/linalg/products.js";
import { symmetricEigen } from "../../src/linalg/symmetric-eigen.js";
import { distance, randomMatrix } from "../helpers/matrices.js";
import { LAPACK, matrixOf } from "./lapack.js";

const products = plainProducts();

const diagonal = (values: ArrayLike<number>): Dense<Float64Array> => {
  const size = values.length;
  const matrix = { rows: size, columns: size, values: new Float64Array(size * size) };
  for (let i = 0; i < size; i++) matrix.values[i * (size + 1)] = values[i] as number;
  return matrix;
};

/** Checks A Q = Q Λ, Qᵀ Q = I and the order of the values. */
async function expectEigen(a: Dense<Float64Array>) {
  const given = a.values.slice();
  const { values, vectors } = await symmetricEigen(a, { products });
  expect(a.values).toEqual(given);
  expect(Array.from(values)).toEqual(Array.from(values).sort((x, y) => x - y));
  const scaled = await products.multiply(vectors, diagonal(values));
  const back = await products.multiply(scaled, vectors, { transposeB: true });
  expect(distance(back, a)).toBeLessThan(2e-15 * (a.rows + 10));
  const gram = await products.multiply(vectors, vectors, { transposeA: true });
  expect(distance(gram, diagonal(values.slice().fill(1)))).toBeLessThan(1e-15 * (a.rows + 10));
  return values;
}

const symmetric = async (size: number, seed: number, rank = size): Promise<Dense<Float64Array>> => {
  const x = randomMatrix(size, rank, seed);
  return products.multiply(x, x, { transposeB: true });
};

describe("eigenvalues and eigenvectors", () => {
  it("give the matrix back and are orthogonal, whatever size, rank and scale", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 110 }),
        fc.integer({ min: 1, max: 110 }),
        fc.nat(1000),
        fc.constantFrom(1, 1e-12, 1e9),
        async (size, rank, seed, scale) => {
          const a = await symmetric(size, seed, Math.min(rank, size));
          await expectEigen({ ...a, values: a.values.map((value) => value * scale) });
        },
      ),
      { numRuns: 25 },
    );
  });

  it("are found where many are the same: zeros, ones, blocks, all zero", async () => {
    await expectEigen(diagonal(Array.from({ length: 70 }, (_, i) => i % 3)));
    await expectEigen(diagonal(new Float64Array(40)));
    const block = await symmetric(20, 3);
    const blocks: Dense<Float64Array> = { rows: 80, columns: 80, values: new Float64Array(6400) };
    for (let b = 0; b < 4; b++)
      for (let i = 0; i < 20; i++)
        blocks.values.set(block.values.subarray(i * 20, (i + 1) * 20), (b * 20 + i) * 80 + b * 20);
    await expectEigen(blocks);
    // Wilkinson's matrix: pairs of eigenvalues that agree to 14 digits.
    const wilkinson = diagonal(Array.from({ length: 41 }, (_, i) => Math.abs(i - 20)));
    for (let i = 0; i < 40; i++) wilkinson.values[i * 42 + 1] = wilkinson.values[(i + 1) * 41 + i] = 1;
    await expectEigen(wilkinson);
  });

  it("have both signs where the matrix has", async () => {
    const x = randomMatrix(90, 90, 11);
    const a = {
      ...x,
      values: x.values.map((value, k) => value + (x.values[(k % 90) * 90 + Math.floor(k / 90)] as number)),
    };
    const values = await expectEigen(a);
    expect(values[0]).toBeLessThan(0);
    expect(values[89]).toBeGreaterThan(0);
  });

  it.each(LAPACK)("agree with LAPACK on the $formula matrix of $size", async (figures) => {
    const values = await expectEigen(matrixOf(figures));
    expect(distance({ values }, { values: figures.eigenvalues })).toBeLessThan(1e-14);
  });

  it("are refused to matrices that are not finite", async () => {
    await expect(symmetricEigen(diagonal([1, Number.NaN, 2]), { products })).rejects.toThrow("not finite");
  });

  it("stop when they are told to", async () => {
    const stop = new AbortController();
    stop.abort(new Error("enough"));
    await expect(symmetricEigen(await symmetric(20, 1), { products, signal: stop.signal })).rejects.toThrow("enough");
  });
});
