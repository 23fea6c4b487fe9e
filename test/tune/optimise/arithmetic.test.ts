/** The arithmetic under the optimisers: random numbers, eigenvectors, the box, the normal tail and the margin. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { intoBox, outOfBox } from "../../../src/tune/optimise/box.js";
import { cmaParameters } from "../../../src/tune/optimise/cma-parameters.js";
import { withMargin } from "../../../src/tune/optimise/margin.js";
import { normalTail, normalTailQuantile } from "../../../src/tune/optimise/normal-tail.js";
import { RandomNumbers, seededState } from "../../../src/tune/optimise/random-numbers.js";
import { eigenOfSymmetric } from "../../../src/tune/optimise/symmetric-eigen.js";

const unit = fc.double({ min: 0, max: 1, noNaN: true });

describe("random numbers", () => {
  it("follow xoshiro128** as its authors wrote it", () => {
    // From words 1, 2, 3, 4 the first outputs of the reference implementation are 11520, 0, 5927040, 70819200.
    const numbers = new RandomNumbers({ words: [1, 2, 3, 4], spare: null });
    expect(numbers.uniform()).toBe(((11520 >>> 5) * 2 ** 26 + (0 >>> 6)) / 2 ** 53);
    expect(numbers.uniform()).toBe(((5927040 >>> 5) * 2 ** 26 + (70819200 >>> 6)) / 2 ** 53);
  });

  it("are normal with mean 0, variance 1 and kurtosis 3", () => {
    const numbers = new RandomNumbers(seededState(3));
    const values = Array.from({ length: 100_000 }, () => numbers.normal());
    const moment = (k: number) => values.reduce((sum, x) => sum + x ** k, 0) / values.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.016);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.023);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.16);
  });

  it("differ between any two seeds, large ones too", () => {
    const seeds = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1];
    const firsts = seeds.map((seed) => new RandomNumbers(seededState(seed)).uniform());
    expect(new Set(firsts).size).toBe(seeds.length);
  });
});

describe("eigenvectors of a symmetric matrix", () => {
  it("put the matrix together again and are orthonormal", () => {
    const matrix = fc.integer({ min: 1, max: 8 }).chain((n) =>
      fc
        .array(fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: n, maxLength: n }), {
          minLength: n,
          maxLength: n,
        })
        .map((rows) => rows.map((row, i) => row.map((x, j) => (j <= i ? x : ((rows[j] as number[])[i] as number))))),
    );
    fc.assert(
      fc.property(matrix, (a) => {
        const { values, vectors } = eigenOfSymmetric(a);
        const product = (i: number, j: number, weight: (k: number) => number) =>
          values.reduce((sum, _, k) => sum + weight(k) * (vectors[i]?.[k] as number) * (vectors[j]?.[k] as number), 0);
        a.forEach((row, i) => {
          row.forEach((x, j) => {
            expect(Math.abs(product(i, j, (k) => values[k] as number) - x)).toBeLessThan(1e-9);
            expect(Math.abs(product(i, j, () => 1) - (i === j ? 1 : 0))).toBeLessThan(1e-12);
          });
        });
      }),
    );
  });

  it("keep the small eigenvalue of a matrix with condition 1e12", () => {
    // Half of it in each coordinate, turned by 45 degrees.
    const [large, small] = [1e6, 1e-6];
    const off = (large - small) / 2;
    const { values } = eigenOfSymmetric([
      [(large + small) / 2, off],
      [off, (large + small) / 2],
    ]);
    expect(Math.abs(Math.min(...values) - small)).toBeLessThan(1e-9);
  });
});

describe("the box", () => {
  it("takes every number into the cube, and every point back to itself", () => {
    fc.assert(fc.property(fc.double({ min: -50, max: 50, noNaN: true }), (y) => intoBox(y) >= 0 && intoBox(y) <= 1));
    fc.assert(fc.property(unit, (x) => Math.abs(intoBox(outOfBox(x)) - x) < 1e-12));
    expect([intoBox(outOfBox(0)), intoBox(outOfBox(1))]).toEqual([0, 1]);
  });

  it("is the identity inside, smooth at the rim, and mirrored beyond", () => {
    expect(intoBox(0.37)).toBeCloseTo(0.37, 15);
    for (const edge of [0.05, 0.95]) {
      const slope = (from: number) => (intoBox(from + 1e-6) - intoBox(from)) / 1e-6;
      expect(slope(edge - 1e-6)).toBeCloseTo(slope(edge), 4);
    }
    fc.assert(fc.property(unit, (d) => Math.abs(intoBox(1.05 + d) - intoBox(1.05 - d)) < 1e-12));
  });
});

describe("the normal tail", () => {
  it("has the values of the tables", () => {
    expect(normalTail(0)).toBe(0.5);
    expect(normalTail(1)).toBeCloseTo(0.15865525393145707, 15);
    expect(normalTail(3)).toBeCloseTo(0.0013498980316300946, 15);
    expect(normalTail(6)).toBeCloseTo(9.865876450376946e-10, 14);
  });

  it("is inverted by its quantile", () => {
    const tail = fc.double({ min: 1e-7, max: 0.5, noNaN: true });
    fc.assert(fc.property(tail, (p) => Math.abs(normalTail(normalTailQuantile(p)) / p - 1) < 1e-7));
  });
});

describe("the margin", () => {
  const chanceOf = (mean: number, deviation: number, from: number, to: number) => {
    const above = (x: number) =>
      x >= mean ? normalTail((x - mean) / deviation) : 1 - normalTail((mean - x) / deviation);
    return above(from) - above(to);
  };

  it("leaves every level next to the mean's a chance, and the mean on its level", () => {
    const marginal = fc.record({
      mean: fc.double({ min: -0.5, max: 1.5, noNaN: true }),
      deviation: fc.double({ min: 1e-9, max: 2, noNaN: true }),
      levels: fc.integer({ min: 2, max: 40 }),
    });
    const margin = 0.01;
    fc.assert(
      fc.property(marginal, ({ mean, deviation, levels }) => {
        const corrected = withMargin({ mean, deviation }, levels, margin);
        const levelOf = (x: number) => Math.min(levels - 1, Math.max(0, Math.ceil(x * (levels - 1) - 0.5)));
        const level = levelOf(mean);
        const lower = level === 0 ? -Infinity : (level - 0.5) / (levels - 1);
        const upper = level === levels - 1 ? Infinity : (level + 0.5) / (levels - 1);
        expect(corrected.mean).toBeGreaterThanOrEqual(lower - 1e-12);
        expect(corrected.mean).toBeLessThanOrEqual(upper + 1e-12);
        const least = (level === 0 || level === levels - 1 ? margin : margin / 2) * 0.99;
        if (level > 0) expect(chanceOf(corrected.mean, corrected.deviation, -Infinity, lower)).toBeGreaterThan(least);
        if (level < levels - 1)
          expect(chanceOf(corrected.mean, corrected.deviation, upper, Infinity)).toBeGreaterThan(least);
      }),
    );
  });

  it("changes nothing where the chances are enough", () => {
    expect(withMargin({ mean: 0.5, deviation: 0.3 }, 11, 0.01)).toEqual({ mean: 0.5, deviation: 0.3 });
    expect(withMargin({ mean: 0.4, deviation: 0.3 }, 2, 0.01)).toEqual({ mean: 0.4, deviation: 0.3 });
  });
});

describe("the constants of CMA-ES", () => {
  it.each([
    { n: 10, population: 10, mass: 3.1672992814107, c1: 0.01528382452475, cmu: 0.02355177665042, cc: 0.29499038303562 },
    { n: 5, population: 20, mass: 5.93880423560124, c1: 0.0438319617072, cmu: 0.1586196991904, cc: 0.45604597191765 },
  ])("are those of pycma 4.5.0 for $n dimensions and $population points", ({ n, population, mass, c1, cmu, cc }) => {
    const found = cmaParameters(n, population);
    expect(found.selectionMass).toBeCloseTo(mass, 12);
    expect(found.rankOneRate).toBeCloseTo(c1, 12);
    expect(found.rankMuRate).toBeCloseTo(cmu, 12);
    expect(found.pathRate).toBeCloseTo(cc, 12);
  });

  it("keep the covariance positive definite whatever the dimension and the population", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 4, max: 4096 }), (n, population) => {
        const { weights, rankOneRate, rankMuRate } = cmaParameters(n, population);
        const sumWhere = (keep: (w: number) => boolean) => weights.filter(keep).reduce((a, b) => a + b, 0);
        expect(sumWhere((w) => w > 0)).toBeCloseTo(1, 12);
        // The worst direction loses n·c_μ·Σ|w⁻| and keeps the rest.
        expect(n * rankMuRate * -sumWhere((w) => w < 0)).toBeLessThanOrEqual(1 - rankOneRate - rankMuRate + 1e-12);
      }),
    );
  });
});
