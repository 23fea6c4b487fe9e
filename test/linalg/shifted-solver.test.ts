import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainProducts } from "../../src/linalg/plain-products.js";
import type { Dense } from "../../src/linalg/products.js";
import { ShiftedSolver } from "../../src/linalg/shifted-solver.js";
import { symmetricInverse } from "../../src/linalg/symmetric-inverse.js";
import { asFloat32, distance, randomMatrix } from "../helpers/matrices.js";

const products = plainProducts();

const shifted = (h: Dense<Float64Array>, rho: number): Dense<Float64Array> => ({
  ...h,
  values: h.values.map((value, k) => (k % (h.rows + 1) === 0 ? value + rho : value)),
});

describe("a solver for one matrix and many shifts", () => {
  it("solves what the inverse of the shifted matrix solves, for matrices of any rank", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 70 }), async (size, rank) => {
        const x = randomMatrix(size, Math.min(rank, size), size + rank);
        const h = await products.multiply(x, x, { transposeB: true });
        const b = randomMatrix(size, 5, 9);
        const solver = await ShiftedSolver.of(h, { products });
        for (const rho of [0.1, 3, 100]) {
          const expected = await products.multiply(await symmetricInverse(shifted(h, rho), { products }), b);
          expect(distance(await solver.solve(rho, asFloat32(b)), expected)).toBeLessThan(1e-5);
        }
      }),
      { numRuns: 12 },
    );
  });

  it("refuses shifts that are not above 0", async () => {
    const solver = await ShiftedSolver.of(randomMatrix(1, 1, 1), { products });
    await expect(solver.solve(0, asFloat32(randomMatrix(1, 1, 1)))).rejects.toThrow("above 0");
  });
});
