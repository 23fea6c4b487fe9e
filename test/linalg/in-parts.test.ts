import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inParts } from "../../src/linalg/in-parts.js";
import { plainProducts } from "../../src/linalg/plain-products.js";
import type { Products } from "../../src/linalg/products.js";
import { distance, randomMatrix } from "../helpers/matrices.js";

const length = fc.integer({ min: 1, max: 20 });

describe("long products", () => {
  it("are the same in parts, none of which has a larger result than was said", async () => {
    const plain = plainProducts();
    const results: number[] = [];
    const noting: Products = {
      async multiply(a, b, how) {
        const result = await plain.multiply(a, b, how);
        results.push(result.values.length);
        return result;
      },
    };
    await fc.assert(
      fc.asyncProperty(
        fc.record({ rows: length, inner: length, columns: length, side: fc.integer({ min: 1, max: 8 }) }),
        fc.record({ transposeA: fc.boolean(), transposeB: fc.boolean(), plus: fc.boolean() }),
        async ({ rows, inner, columns, side }, { transposeA, transposeB, plus }) => {
          const a = transposeA ? randomMatrix(inner, rows, 1) : randomMatrix(rows, inner, 1);
          const b = transposeB ? randomMatrix(columns, inner, 2) : randomMatrix(inner, columns, 2);
          const how = { transposeA, transposeB, factor: -2, ...(plus && { plus: randomMatrix(rows, columns, 3) }) };
          results.length = 0;
          const found = await inParts(noting, { side, work: 0 }).multiply(a, b, how);
          expect([found.rows, found.columns]).toEqual([rows, columns]);
          expect(distance(found, await plain.multiply(a, b, how))).toBeLessThan(1e-14);
          expect(Math.max(...results)).toBeLessThanOrEqual(side * side);
          results.length = 0;
          await inParts(noting, { side, work: 1e6 }).multiply(a, b, how);
          expect(results).toHaveLength(1);
        },
      ),
      { numRuns: 100 },
    );
  });
});
