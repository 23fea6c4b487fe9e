import fc from "fast-check";
import { expect, it } from "vitest";
import { type Pattern, prunedCount } from "../../src/pattern/index.js";
import { LowestScores } from "../../src/tune/lowest-scores.js";
import { competitions } from "../helpers/reference-mask.js";

const pattern: fc.Arbitrary<Pattern> = fc.oneof(
  fc.record({
    kind: fc.constant("unstructured" as const),
    sparsity: fc.double({ min: 0, max: 1, noNaN: true }),
    scope: fc.constantFrom("row" as const, "matrix" as const),
  }),
  fc
    .record({ of: fc.constantFrom(2, 4, 8), share: fc.double({ min: 0, max: 1, noNaN: true }), permute: fc.boolean() })
    .map(({ of, share, permute }) => ({ kind: "n:m" as const, keep: Math.round(share * of), of, permute })),
);
/** Few different numbers, so that many tie, zeros included; or all different. */
const scoresOf = (count: number) =>
  fc.array(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.double({ min: 0, max: 9, noNaN: true })), {
    minLength: count,
    maxLength: count,
  });

it("the lowest scores of every set go, exactly as many as the pattern says, and ties keep the lower index", () => {
  const arbitrary = fc
    .record({ out: fc.integer({ min: 1, max: 5 }), groups: fc.integer({ min: 1, max: 6 }), pattern })
    .chain(({ out, groups, pattern }) =>
      fc.record({
        shape: fc.constant({ out, in: 8 * groups }),
        pattern: fc.constant(pattern),
        values: scoresOf(out * 8 * groups),
      }),
    );
  fc.assert(
    fc.property(arbitrary, ({ shape, pattern, values }) => {
      const scores = Float32Array.from(values);
      const expected = new Uint8Array(scores.length);
      const sets = competitions(pattern, shape);
      for (const set of sets) {
        const lowestFirst = [...set].sort((a, b) => (scores[a] as number) - (scores[b] as number) || b - a);
        for (const k of lowestFirst.slice(0, prunedCount(pattern, shape) / sets.length)) expected[k] = 1;
      }
      const lowest = new LowestScores(scores.length);
      lowest.pruned.fill(1);
      lowest.select(scores, shape.out, shape.in, pattern);
      expect([...lowest.pruned]).toEqual([...expected]);
    }),
    { numRuns: 300 },
  );
});
