/** Masks as bytes and back. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { isKept, keptBytes, maskOfKept } from "../../src/pattern/index.js";

it("a mask as bytes says of every weight what its bits say, in both orders, and comes back the same", () => {
  const size = fc.integer({ min: 1, max: 70 });
  const order = fc.constantFrom("out-in" as const, "in-out" as const);
  fc.assert(
    fc.property(size, size, order, fc.infiniteStream(fc.nat(1)), (out, channels, stored, random) => {
      const kept = Uint8Array.from({ length: out * channels }, () => random.next().value as number);
      const mask = maskOfKept(kept, { out, in: channels }, stored);
      expect(keptBytes(mask)).toEqual(kept);
      kept.forEach((each, k) => {
        expect(isKept(mask, Math.floor(k / channels), k % channels)).toBe(each === 1);
      });
    }),
    { seed: 1, numRuns: 30 },
  );
});
