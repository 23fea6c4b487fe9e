import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agreement, ranks, spearman } from "../../src/tune/correlation.js";

describe("ranks", () => {
  it("count from 1, and equal values share the mean of theirs", () => {
    expect(ranks([30, 10, 20])).toEqual([3, 1, 2]);
    expect(ranks([5, 1, 5, 1, 5])).toEqual([4, 1.5, 4, 1.5, 4]);
    expect(ranks([])).toEqual([]);
  });

  it("add up to what 1 … n add up to, whatever is equal", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 })), (values) => {
        const total = ranks(values).reduce((sum, rank) => sum + rank, 0);
        expect(total).toBeCloseTo((values.length * (values.length + 1)) / 2, 9);
      }),
      { seed: 1 },
    );
  });
});

describe("Spearman's correlation", () => {
  it("is what it is by hand", () => {
    expect(spearman([1, 2, 3], [10, 100, 1000])).toBe(1);
    expect(spearman([1, 2, 3], [3, 2, 1])).toBe(-1);
    // 1 − 6 Σd² / (n (n² − 1)), with differences of rank 1, −1, 2, 0, −2: Σd² = 10.
    expect(spearman([10, 20, 30, 40, 50], [2, 1, 5, 4, 3])).toBeCloseTo(1 - 60 / 120, 12);
    // With ties: ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4; Pearson's: 4.5 / √(4.5 · 5).
    expect(spearman([1, 2, 2, 3], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(22.5), 12);
  });

  it("is the same after any increasing function, and the opposite after a decreasing one", () => {
    const pairs = fc.array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -20, max: 20 })), {
      minLength: 2,
    });
    fc.assert(
      fc.property(pairs, (all) => {
        const [x, y] = [all.map(([a]) => a), all.map(([, b]) => b)];
        const rho = spearman(x, y);
        fc.pre(!Number.isNaN(rho));
        expect(rho).toBeCloseTo(spearman(y, x), 12);
        expect(Math.abs(rho)).toBeLessThanOrEqual(1 + 1e-12);
        expect(
          spearman(
            x.map((a) => Math.exp(a / 3)),
            y.map((b) => b ** 3 - 7),
          ),
        ).toBeCloseTo(rho, 12);
        expect(
          spearman(
            x.map((a) => -a),
            y,
          ),
        ).toBeCloseTo(-rho, 12);
      }),
      { seed: 1 },
    );
  });

  it("is NaN where one side says nothing", () => {
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeNaN();
    expect(spearman([1], [1])).toBeNaN();
    expect(spearman([], [])).toBeNaN();
  });
});

describe("how far an objective agrees with perplexity", () => {
  it("is 1 where it ranks alike, whichever way is better, and −1 where it says nothing", () => {
    expect(agreement({ better: "lower", spearman: 1 })).toBe(1);
    expect(agreement({ better: "higher", spearman: -1 })).toBe(1);
    expect(agreement({ better: "higher", spearman: 0.5 })).toBe(-0.5);
    expect(agreement({ better: "lower", spearman: Number.NaN })).toBe(-1);
  });
});
