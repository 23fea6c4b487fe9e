import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { markLowest } from "../../src/reconstruct/lowest.js";

describe("marking the lowest", () => {
  it("is what sorting says, the higher index first among equals, whether they are few or many", () => {
    const value = fc.constantFrom(0, -0, 1, -1, 2, 1.0000001, 1e-40, 3e38, -3e38, Number.POSITIVE_INFINITY);
    fc.assert(
      fc.property(
        fc.constantFrom(1, 7, 4095, 4096, 6000),
        fc.array(fc.oneof(value, fc.float({ noNaN: true })), { minLength: 50, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (length, numbers, share) => {
          // Repeated with other magnitudes, so that ties are as many as values of their own.
          const scores = Float32Array.from({ length: length + 3 }, (_, k) => {
            const number = numbers[k % numbers.length] as number;
            return k % 3 === 0 ? number : number * (1 + k / length);
          }).subarray(3);
          const count = Math.round(share * length);
          const order = Array.from(scores.keys()).sort((a, b) => {
            const [x, y] = [scores[a] as number, scores[b] as number];
            return x < y ? -1 : x > y ? 1 : b - a;
          });
          const wanted = new Uint8Array(length).fill(1);
          for (const k of order.slice(0, count)) wanted[k] = 0;
          const marks = new Uint8Array(length);
          const before = scores.slice();
          markLowest(scores, count, marks, new Float32Array(length + 5));
          expect(marks).toEqual(wanted);
          expect(scores).toEqual(before);
        },
      ),
      { numRuns: 60 },
    );
  });
});
