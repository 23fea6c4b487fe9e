import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plainProducts } from "../../src/linalg/plain-products.js";
import type { Dense, ProductOptions } from "../../src/linalg/products.js";
import { type OpenProducts, openProducts } from "../../src/runtime/index.js";
import { asFloat32, distance, randomMatrix } from "../helpers/matrices.js";
import { testRuntime } from "../helpers/runtime.js";

const runtime = testRuntime();
let products: OpenProducts;
beforeEach(() => {
  products = openProducts(runtime, {});
});
afterEach(async () => {
  await products.release();
  expect(runtime.openSessions()).toBe(0);
});

const length = fc.integer({ min: 1, max: 40 });
const ways = fc.record({
  rows: length,
  inner: length,
  columns: length,
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
  factor: fc.constantFrom(1, -1, 0.25, -3),
  plus: fc.boolean(),
});

describe("products by the runtime", () => {
  it("are those of plain loops, whatever is transposed, scaled and added, in both float types", async () => {
    const plain = plainProducts();
    await fc.assert(
      fc.asyncProperty(ways, async ({ rows, inner, columns, transposeA, transposeB, factor, plus }) => {
        const a = transposeA ? randomMatrix(inner, rows, 1) : randomMatrix(rows, inner, 1);
        const b = transposeB ? randomMatrix(columns, inner, 2) : randomMatrix(inner, columns, 2);
        const c = randomMatrix(rows, columns, 3);
        const how = { transposeA, transposeB, factor };
        const in64: ProductOptions<Float64Array> = { ...how, ...(plus && { plus: c }) };
        const in32: ProductOptions<Float32Array> = { ...how, ...(plus && { plus: asFloat32(c) }) };
        const expected = await plain.multiply(a, b, in64);
        const [found64, found32] = [
          await products.multiply(a, b, in64),
          await products.multiply(asFloat32(a), asFloat32(b), in32),
        ];
        expect([found64.rows, found64.columns]).toEqual([rows, columns]);
        expect(found64.values).toBeInstanceOf(Float64Array);
        expect(found32.values).toBeInstanceOf(Float32Array);
        expect(distance(found64, expected)).toBeLessThan(1e-13);
        expect(distance(found32, expected)).toBeLessThan(1e-4);
      }),
      { numRuns: 60 },
    );
  });

  it("leave their operands as they were, and open one session for a way of multiplying, whatever the shapes and factors", async () => {
    const [a, b] = [randomMatrix(3, 4, 1), randomMatrix(4, 5, 2)];
    const before = a.values.slice();
    for (const factor of [1, 2, 0.5]) await products.multiply(a, b, { factor });
    await products.multiply(b, randomMatrix(5, 2, 3));
    expect(a.values).toEqual(before);
    expect(runtime.openSessions()).toBe(1);
  });

  it("name shapes that do not fit", async () => {
    const [a, b] = [randomMatrix(3, 4, 1), randomMatrix(5, 4, 2)];
    await expect(products.multiply(a, b)).rejects.toThrow("[3, 4] cannot be multiplied by [5, 4]");
    await expect(products.multiply(a, b, { transposeB: true, plus: a })).rejects.toThrow("[3, 4] cannot be added");
    const short: Dense<Float64Array> = { rows: 3, columns: 4, values: new Float64Array(11) };
    await expect(products.multiply(short, b, { transposeB: true })).rejects.toThrow("has 11 values");
  });

  it("of nothing are what is added", async () => {
    const plus = randomMatrix(2, 3, 1);
    const found = await products.multiply(randomMatrix(2, 0, 1), randomMatrix(0, 3, 1), { plus });
    expect(found).toEqual(plus);
    expect((await products.multiply(randomMatrix(0, 2, 1), randomMatrix(2, 3, 1))).values).toHaveLength(0);
  });

  it("take float64 to the CPU, leave out what options say of the model's own outputs and axes, and keep no threads between runs", async () => {
    const opened: unknown[] = [];
    const noting = openProducts(
      {
        ...runtime,
        open: (model, options) => {
          opened.push(options);
          return runtime.open(model, { ...options, executionProviders: ["cpu"] });
        },
      },
      {
        executionProviders: ["webgpu"],
        preferredOutputLocation: "gpu-buffer",
        freeDimensionOverrides: { batch: 1 },
        extra: { session: { intra_op: { allow_spinning: "0" } }, ep: {} },
      },
    );
    const a = randomMatrix(2, 2, 1);
    await noting.multiply(a, a);
    await noting.multiply(asFloat32(a), asFloat32(a));
    await noting.release();
    const extra = { session: { force_spinning_stop: "1", intra_op: { allow_spinning: "0" } }, ep: {} };
    expect(opened).toEqual([
      { executionProviders: ["cpu"], extra },
      { executionProviders: ["webgpu"], extra },
    ]);
  });
});
