import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pattern } from "../../src/pattern/index.js";
import { keepLargest } from "../../src/reconstruct/project.js";

const PATTERNS: readonly Pattern[] = [
  { kind: "n:m", keep: 2, of: 4, permute: false },
  { kind: "n:m", keep: 0, of: 4, permute: false },
  { kind: "n:m", keep: 7, of: 20, permute: false },
  ...([0, 0.3, 0.5, 0.99, 1] as const).flatMap((sparsity): Pattern[] => [
    { kind: "unstructured", sparsity, scope: "row" },
    { kind: "unstructured", sparsity, scope: "matrix" },
  ]),
];

describe("keeping the largest of every group", () => {
  it("is what sorting says, ties to the lower index, and counts what changed", () => {
    // Few values, so that ties are many; zeros of both signs, subnormal numbers, the largest.
    const value = fc.constantFrom(0, -0, 1, -1, 2, -2, 1.0000001, 1e-40, 3e38, -3e38, 0.5);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.oneof(value, fc.float({ noNaN: true })), { minLength: 240, maxLength: 240 }),
        fc.constantFrom(...PATTERNS),
        (rows, numbers, pattern) => {
          const shape = { out: rows, in: 40 };
          const values = Float32Array.from(numbers.slice(0, rows * 40));
          const size = pattern.kind === "n:m" ? pattern.of : pattern.scope === "row" ? 40 : values.length;
          const keep = pattern.kind === "n:m" ? pattern.keep : size - Math.floor(size * pattern.sparsity + 1e-9);
          const wanted = new Uint8Array(values.length);
          for (let first = 0; first < values.length; first += size)
            Array.from({ length: size }, (_, k) => first + k)
              .sort((a, b) => Math.abs(values[b] as number) - Math.abs(values[a] as number) || a - b)
              .slice(0, keep)
              .forEach((k) => {
                wanted[k] = 1;
              });
          const kept = Uint8Array.from(values, (_, k) => k % 2);
          const changed = wanted.reduce((sum, w, k) => sum + Number(w !== k % 2), 0);
          expect(keepLargest(values, pattern, shape, kept)).toBe(changed);
          expect(kept).toEqual(wanted);
        },
      ),
      { numRuns: 300 },
    );
  });
});
