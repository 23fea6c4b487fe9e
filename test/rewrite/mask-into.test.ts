import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyMask, keep } from "../../src/pattern/index.js";
import { applyMask, maskInto } from "../../src/rewrite/index.js";
import { BYTES_PER_ELEMENT, type FloatType } from "../../src/tensor/dtypes.js";

const DTYPES: readonly FloatType[] = ["float32", "float16", "bfloat16"];

/** A weight of any bits in one row, and which of its elements stay. Both buffers begin at any element. */
const weightAndKept = fc
  .record({ dtype: fc.constantFrom(...DTYPES), count: fc.integer({ min: 1, max: 70 }), offset: fc.nat(7) })
  .chain(({ dtype, count, offset }) => {
    const start = offset * BYTES_PER_ELEMENT[dtype];
    const byteLength = count * BYTES_PER_ELEMENT[dtype] + start;
    const bytes = fc.uint8Array({ minLength: byteLength, maxLength: byteLength }).map((all) => all.subarray(start));
    return fc.record({
      dtype: fc.constant(dtype),
      stored: bytes,
      target: bytes,
      kept: fc.array(fc.boolean(), { minLength: count, maxLength: count }),
    });
  });

describe("a masked copy", () => {
  it("holds what masking in place would, whatever was there before, and leaves the weight as it is", () => {
    fc.assert(
      fc.property(weightAndKept, ({ dtype, stored, target, kept }) => {
        const mask = emptyMask({ out: 1, in: kept.length }, "out-in");
        for (const [i, stays] of kept.entries()) if (stays) keep(mask, 0, i);
        const before = Uint8Array.from(stored);
        // In place begins anywhere as well; a copy begins at 0.
        const expected = Uint8Array.from(stored);
        applyMask(expected, dtype, mask);
        maskInto(target, stored, { kind: "float", dtype }, mask);
        expect(target).toEqual(expected);
        expect(stored).toEqual(before);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
