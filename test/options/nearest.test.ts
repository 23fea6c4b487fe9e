import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "../../src/options/nearest.js";

describe("editDistance", () => {
  it.each([
    ["", "", 0],
    ["sparsity", "sparsity", 0],
    ["sparcity", "sparsity", 1],
    ["sparstiy", "sparsity", 1],
    ["methd", "method", 1],
    ["include", "exclude", 2],
    ["", "scope", 5],
  ])("from %j to %j is %i", (a, b, distance) => expect(editDistance(a, b)).toBe(distance));

  it("is symmetric, and 0 only between equal words", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
      }),
      { seed: 1 },
    );
  });
});

describe("nearest", () => {
  const names = ["method", "sparsity", "pattern", "coefficients", "calibration", "onReport"];

  it.each([
    ["sparcity", "sparsity"],
    ["Sparsity", "sparsity"],
    ["on_report", "onReport"],
    ["coef", "coefficients"],
    ["calibrationCount", "calibration"],
  ])("finds what %j was meant to be", (word, meant) => expect(nearest(word, names)).toBe(meant));

  it.each(["", "x", "temperature", "m".repeat(10_000)])("finds nothing near an unrelated word", (word) =>
    expect(nearest(word, names)).toBeNull(),
  );
});
