import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coefficientsOf, depthOf, METHODS, methodOf } from "../../src/score/index.js";
import { referenceMask } from "../helpers/reference-mask.js";

const numbers = (power: number) => ({ row: 0.2, column: 0.3, window: 0.5, size: 7, power, shape: 0 });

describe("the coefficients of a weight", () => {
  it("are those of its kind where the set has them, else those of all", () => {
    const set = { all: numbers(0), byKind: { q: numbers(1), down: numbers(2) } };
    const powerOf = (kind: string) => coefficientsOf(set, { kind, depth: 0.9 }).power;
    expect(["q", "down", "k", "constructor"].map(powerOf)).toEqual([1, 2, 0, 0]);
  });

  it("are those of its segment, of which each has an equal share of the blocks", () => {
    const set = { all: numbers(9), byDepth: [numbers(0), numbers(1), numbers(2)] };
    const powerOf = (layer: number | null, layers: number) =>
      coefficientsOf(set, { kind: "q", depth: depthOf(layer, layers) }).power;
    expect([0, 1, 2, 3, 4, 5].map((layer) => powerOf(layer, 6))).toEqual([0, 0, 1, 1, 2, 2]);
    expect([0, 1].map((layer) => powerOf(layer, 2))).toEqual([0, 1]);
    expect(powerOf(null, 6)).toBe(9);
  });

  it("are of one segment after the other, whatever the numbers of blocks and segments", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 40 }), (layers, segments) => {
        const byDepth = Array.from({ length: segments }, (_, i) => numbers(i));
        const powers = Array.from(
          { length: layers },
          (_, layer) =>
            coefficientsOf({ all: numbers(-1), byDepth }, { kind: "q", depth: depthOf(layer, layers) }).power,
        );
        expect(powers[0]).toBe(0);
        expect(powers).toEqual([...powers].sort((a, b) => (a as number) - (b as number)));
        if (layers >= segments) expect(new Set(powers).size).toBe(segments);
      }),
    );
  });
});

describe("untuned coefficients", () => {
  it.each(Object.keys(METHODS) as (keyof typeof METHODS)[])("of %s name every parameter, within its bounds", (name) => {
    const { parameters, untuned } = methodOf(name);
    expect(Object.keys(untuned)).toEqual(parameters.map((parameter) => parameter.name));
    for (const { name: parameter, min, max } of parameters) {
      expect(untuned[parameter]).toBeGreaterThanOrEqual(min);
      expect(untuned[parameter]).toBeLessThanOrEqual(max);
    }
  });

  it("of CRePE are RIA: the same terms, bit for bit, and the same scope, for a weight of any shape", () => {
    const { crepe, ria } = METHODS;
    const side = fc.integer({ min: 1, max: 20_000 });
    fc.assert(
      fc.property(side, side, (out, inputs) => {
        const shape = { out, in: inputs };
        expect({ ...crepe.terms(crepe.untuned, shape), size: 1 }).toEqual(ria.terms({}, shape));
      }),
    );
    expect(crepe.untunedScope).toBe(ria.defaultScope);
  });

  it("give the mask of RIA as its paper has it: one over the sum of the row plus one over that of the column", () => {
    const side = fc.integer({ min: 1, max: 12 });
    const weights = fc
      .tuple(side, side)
      .chain(([out, inputs]) =>
        fc.tuple(
          fc.constant({ out, in: inputs }),
          fc.array(fc.integer({ min: -50, max: 50 }), { minLength: out * inputs, maxLength: out * inputs }),
          fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: inputs, maxLength: inputs }),
        ),
      );
    fc.assert(
      fc.property(weights, ([shape, whole, factor]) => {
        // Different values, so that no tie is decided by rounding.
        const values = whole.map((value, k) => value + Math.sin(k + 1) / 3);
        const pattern = { kind: "unstructured", sparsity: 0.5, scope: "matrix" } as const;
        const untuned = METHODS.crepe.terms(METHODS.crepe.untuned, shape);
        const paper = { ...untuned, row: 1 / shape.in, column: 1 / shape.out };
        const maskOf = (terms: typeof untuned) => referenceMask({ shape, values, factor, pattern, terms });
        expect(maskOf(untuned)).toEqual(maskOf(paper));
      }),
    );
  });
});

it("CRePE with shape 0 takes means: the terms are the coefficients themselves", () => {
  const terms = METHODS.crepe.terms(numbers(0.8), { out: 7, in: 300 });
  expect(terms).toMatchObject({ row: 0.2, column: 0.3, window: 0.5, size: 7, power: 0.8 });
});
