/** The groups that permuted N:M chooses, which a mask alone does not tell, and the assignment behind them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Kernel } from "../../helpers/kernel.js";
import { allocation, inOrder, partitions, retainedScore } from "../../helpers/partitions.js";

const SETTINGS = { seed: 20260727, numRuns: 60 } as const;
/** float32 sums of some hundred scores. */
const ROUNDING = 1e-5;

const kernel = new Kernel();

/** Scores with strong and weak channels, [in, out], from a seed. */
function scoresOf(shape: { out: number; in: number }, seed: number, spread = 1): Float32Array {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const strengths = Float64Array.from({ length: shape.in }, () => Math.exp(spread * (random() - 0.5)));
  return Float32Array.from(
    { length: shape.in * shape.out },
    (_, k) => (strengths[Math.floor(k / shape.out)] as number) * random() ** 2,
  );
}

const cases = fc.record({
  out: fc.integer({ min: 1, max: 150 }),
  groups: fc.integer({ min: 1, max: 12 }),
  pattern: fc.constantFrom([1, 2], [1, 4], [2, 4], [3, 4], [2, 5], [4, 8], [8, 16]) as fc.Arbitrary<[number, number]>,
  spread: fc.constantFrom(0, 1, 6),
  seed: fc.nat(),
});

describe("the groups of a permuted pattern", () => {
  it("hold every channel once, in ascending order, and retain no less than consecutive channels or the allocation", () => {
    fc.assert(
      fc.property(cases, ({ out, groups, pattern: [keep, of], spread, seed }) => {
        const shape = { out, in: groups * of };
        const scores = scoresOf(shape, seed, spread);
        const chosen = kernel.permute(scores, shape, keep, of).groups;
        expect(chosen.flat().sort((a, b) => a - b)).toEqual(inOrder(shape.in, shape.in).flat());
        for (const members of chosen) expect(members).toEqual([...members].sort((a, b) => a - b));
        const retained = retainedScore(scores, shape.out, chosen, keep) * (1 + ROUNDING);
        expect(retained).toBeGreaterThanOrEqual(retainedScore(scores, shape.out, inOrder(shape.in, of), keep));
        expect(retained).toBeGreaterThanOrEqual(retainedScore(scores, shape.out, allocation(scores, shape, of), keep));
      }),
      SETTINGS,
    );
  });

  it("are what the mask keeps N of, the highest, in every output row", () => {
    fc.assert(
      fc.property(cases, ({ out, groups, pattern: [keep, of], spread, seed }) => {
        const scores = scoresOf({ out, in: groups * of }, seed, spread);
        const { groups: chosen, bits } = kernel.permute(scores, { out, in: groups * of }, keep, of);
        for (let o = 0; o < out; o++) {
          for (const members of chosen) {
            const kept = members.filter((i) => ((bits[(i * out + o) >> 3] as number) >> ((i * out + o) & 7)) & 1);
            const ranked = [...members].sort((a, b) => (scores[b * out + o] ?? 0) - (scores[a * out + o] ?? 0));
            expect(kept).toEqual(ranked.slice(0, keep).sort((a, b) => a - b));
          }
        }
      }),
      { ...SETTINGS, numRuns: 20 },
    );
  });

  it("are the best there are, or nearly, where all can be tried", () => {
    const shares = Array.from({ length: 40 }, (_, seed) => {
      const shape = { out: 16, in: 8 };
      const scores = scoresOf(shape, seed);
      const all = [...partitions(shape.in, 4)].map((groups) => retainedScore(scores, shape.out, groups, 2));
      const { groups } = kernel.permute(scores, shape, 2, 4);
      return retainedScore(scores, shape.out, groups, 2) / Math.max(...all);
    });
    expect(Math.max(...shares)).toBeLessThanOrEqual(1 + ROUNDING);
    expect(Math.min(...shares)).toBeGreaterThan(0.98);
    expect(shares.filter((share) => share > 1 - ROUNDING).length).toBeGreaterThan(shares.length / 4);
  });

  it("keep together what cannot do without each other's weakness", () => {
    // Rows of the first half need channels 0–3, those of the second 4–7: consecutive groups lose half of it.
    const shape = { out: 8, in: 8 };
    const scores = Float32Array.from({ length: 64 }, (_, k) => (Math.floor(k / 8) < 4 === k % 8 < 4 ? 1 : 0));
    const { groups } = kernel.permute(scores, shape, 2, 4);
    expect(retainedScore(scores, 8, inOrder(8, 4), 2)).toBe(16);
    expect(retainedScore(scores, 8, groups, 2)).toBe(32);
  });

  it("stay consecutive where nothing is gained: one group, equal scores, zeros", () => {
    const shape = { out: 9, in: 24 };
    expect(kernel.permute(scoresOf({ out: 9, in: 16 }, 1), { out: 9, in: 16 }, 8, 16).groups).toEqual(inOrder(16, 16));
    for (const value of [0, 0.25])
      expect(kernel.permute(new Float32Array(9 * 24).fill(value), shape, 2, 4).groups).toEqual(inOrder(24, 4));
  });

  it("are found in blocks where there are many, and are the same whatever the kernel did before", () => {
    const shape = { out: 7, in: 2 * (2 * kernel.block + 3) };
    const scores = scoresOf(shape, 5);
    const first = kernel.permute(scores, shape, 1, 2);
    kernel.permute(scoresOf({ out: 40, in: 64 }, 6, 9), { out: 40, in: 64 }, 4, 8);
    expect(kernel.permute(scores, shape, 1, 2)).toEqual(first);
    expect(new Kernel().permute(scores, shape, 1, 2)).toEqual(first);
    expect(retainedScore(scores, 7, first.groups, 1)).toBeGreaterThan(
      1.02 * retainedScore(scores, 7, allocation(scores, shape, 2), 1),
    );
  });
});

describe("the assignment", () => {
  const gain = fc.oneof(fc.double({ min: -1, max: 1, noNaN: true }), fc.constantFrom(0, 1));
  const square = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(kernel.block - 1, kernel.block));

  it("gives every group a candidate of its own, and its prices prove that no other sum is larger", () => {
    fc.assert(
      fc.property(square, fc.array(gain, { minLength: 90, maxLength: 90 }), fc.nat(), (count, values, seed) => {
        const extra = scoresOf({ out: count, in: count }, seed);
        const gains = Array.from({ length: count }, (_, g) =>
          Array.from({ length: count }, (_, c) =>
            Math.fround(
              (values[(g * count + c) % values.length] as number) + (count < 10 ? 0 : (extra[g * count + c] ?? 0)),
            ),
          ),
        );
        const { candidates, prices } = kernel.assign(gains);
        expect([...candidates].sort((a, b) => a - b)).toEqual(gains.map((_, c) => c));
        // Duality: whatever the prices, no assignment is worth more than all prices and the most that each group has left.
        const bound =
          prices.reduce((a, b) => a + b, 0) +
          gains.reduce((sum, row) => sum + Math.max(...row.map((value, c) => value - (prices[c] as number))), 0);
        const found = candidates.reduce((sum, candidate, g) => sum + (gains[g]?.[candidate] as number), 0);
        expect(Math.abs(bound - found)).toBeLessThan(1e-5 * count);
      }),
      { ...SETTINGS, numRuns: 40 },
    );
  });
});
