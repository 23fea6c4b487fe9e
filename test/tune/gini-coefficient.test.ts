import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { giniCoefficient } from "../../src/tune/gini-coefficient.js";
import { sortedGini } from "./sorted-gini.js";

/** Numbers of very different sizes, some 0, some equal. */
const numbers = fc.array(
  fc.oneof(
    fc.constantFrom(0, 1, 2),
    fc.tuple(fc.integer({ min: -40, max: 40 }), fc.double({ min: 1, max: 2, noNaN: true })).map(([e, x]) => x * 2 ** e),
  ),
  { minLength: 1, maxLength: 200 },
);
const close = fc.array(fc.double({ min: 1, max: 1.5, noNaN: true }), { minLength: 1, maxLength: 200 });

const gini = (values: readonly number[]) => giniCoefficient(Float32Array.from(values), values.length);
/** What the header of the file promises: every number in a bin of its own 7 bits at worst. */
const bound = (values: readonly number[]) => 1 / 512 + values.length / 2 ** 33;

describe("the Gini coefficient by histogram", () => {
  it("is at most as far below the one by sorting as promised, and never above it", () => {
    fc.assert(
      fc.property(fc.oneof(numbers, close), (values) => {
        const exact = sortedGini(values.map(Math.fround));
        expect(gini(values)).toBeLessThanOrEqual(exact + 1e-9);
        expect(gini(values)).toBeGreaterThanOrEqual(exact - bound(values) - 1e-9);
      }),
      { numRuns: 300 },
    );
  });

  it("of thousands of numbers like scores is exact to five digits", () => {
    const values = Array.from({ length: 20_000 }, (_, k) => -Math.log(((k * 0.6180339887) % 1) + 1e-9));
    expect(Math.abs(gini(values) - sortedGini(values.map(Math.fround)))).toBeLessThan(1e-5);
  });

  it("does not depend on the unit", () => {
    fc.assert(
      fc.property(numbers, fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (values, unit) => {
        expect(Math.abs(gini(values.map((x) => x * unit)) - gini(values))).toBeLessThanOrEqual(bound(values));
      }),
    );
  });

  it("of numbers among which a share z is 0 is z + (1 − z) times that of the others", () => {
    fc.assert(
      fc.property(close, fc.nat(200), (values, zeros) => {
        const z = zeros / (zeros + values.length);
        expect(gini([...values, ...new Array<number>(zeros).fill(0)])).toBeCloseTo(z + (1 - z) * gini(values), 9);
      }),
    );
  });

  it("is 0 of equal numbers, of zeros and of none", () => {
    expect(gini([3, 3, 3])).toBe(0);
    expect(gini([0, 0])).toBe(0);
    expect(gini([])).toBe(0);
  });
});
