import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pattern } from "../../src/pattern/index.js";
import { type CoefficientSet, METHODS, type MethodName, methodOf } from "../../src/score/index.js";
import { type Granularity, type SearchSpace, searchSpace } from "../../src/tune/space.js";

const PATTERN: Pattern = { kind: "n:m", keep: 2, of: 4, permute: false };
const OF_ONE_PART = ["row", "column", "size", "power", "shape"];

const spaceOf = (granularity: Granularity = { by: "model" }, passes = 1, method: MethodName = "crepe") =>
  searchSpace(method, PATTERN, granularity, passes);

const anyGranularity: fc.Arbitrary<Granularity> = fc.oneof(
  fc.constant({ by: "model" } as const),
  fc.record({
    by: fc.constant("kind" as const),
    kinds: fc.uniqueArray(fc.constantFrom("q", "k", "v", "o", "fc", "other"), { minLength: 1 }),
  }),
  fc.record({ by: fc.constant("depth" as const), segments: fc.integer({ min: 2, max: 5 }) }),
);

/** Any space of a method with parameters, and a point of it. */
const spaceAndPoint = fc
  .tuple(anyGranularity, fc.integer({ min: 1, max: 4 }))
  .map(([granularity, passes]) => spaceOf(granularity, passes))
  .chain((space) => fc.tuple(fc.constant(space), pointsOf(space)));

const pointsOf = ({ dimensions }: SearchSpace) =>
  fc.tuple(...dimensions.map(() => fc.double({ min: 0, max: 1, noNaN: true })));

/** Every set of numbers of the coefficients. */
const setsOf = ({ all, byKind = {}, byDepth = [] }: CoefficientSet) => [all, ...Object.values(byKind), ...byDepth];

describe("a search space", () => {
  it("has a candidate for every point, complete, within the bounds of the search and with shares that add up to 1", () => {
    fc.assert(
      fc.property(spaceAndPoint, ([space, point]) => {
        const { method, pattern, coefficients, passes } = space.decode(point);
        expect([method, pattern]).toEqual(["crepe", PATTERN]);
        expect([1, 2, 3, 4]).toContain(passes);
        for (const set of setsOf(coefficients)) {
          const { parameters } = methodOf(method);
          expect(Object.keys(set).sort()).toEqual(parameters.map(({ name }) => name).sort());
          for (const { name, min, max, searched = { min, max } } of parameters) {
            expect(set[name]).toBeGreaterThanOrEqual(searched.min);
            expect(set[name]).toBeLessThanOrEqual(searched.max);
          }
          const { row, column, window } = set as Record<"row" | "column" | "window", number>;
          expect(row + column + window).toBeCloseTo(1, 12);
        }
      }),
      { seed: 1 },
    );
  });

  it("leads from a candidate to a point and back to the same candidate", () => {
    fc.assert(
      fc.property(spaceAndPoint, ([space, point]) => {
        const candidate = space.decode(point);
        const again = space.encode(candidate);
        expect(again).toHaveLength(space.dimensions.length);
        expect(again.every((x) => x >= 0 && x <= 1)).toBe(true);
        expect(space.decode(again)).toEqual(candidate);
      }),
      { seed: 1 },
    );
  });

  it("holds every start of its method as it is", () => {
    for (const [name, { starts }] of Object.entries(METHODS))
      for (const { coefficients: all } of starts) {
        const space = spaceOf({ by: "model" }, 3, name as MethodName);
        const start = { method: name as MethodName, pattern: PATTERN, coefficients: { all }, passes: 1 };
        expect(space.decode(space.encode(start))).toEqual(start);
      }
  });

  it("names its dimensions, one set for each part and one for the passes", () => {
    const sizes = ({ names, dimensions }: SearchSpace) => [names.length, dimensions.length];
    expect(spaceOf().names).toEqual(OF_ONE_PART);
    expect(spaceOf({ by: "model" }, 3).names).toEqual([...OF_ONE_PART, "passes"]);
    expect(spaceOf({ by: "model" }, 3).dimensions.at(-1)).toEqual({ levels: 3 });
    expect(spaceOf({ by: "kind", kinds: ["q", "down"] }).names).toEqual(
      ["q", "down"].flatMap((kind) => OF_ONE_PART.map((name) => `${kind}.${name}`)),
    );
    expect(spaceOf({ by: "depth", segments: 3 }, 2).names.slice(-6)).toEqual([
      ...OF_ONE_PART.map((name) => `segment3.${name}`),
      "passes",
    ]);
    for (const space of [spaceOf(), spaceOf({ by: "depth", segments: 3 }, 2)])
      expect(sizes(space)[0]).toBe(sizes(space)[1]);
  });

  it("gives each part the coefficients of its own dimensions", () => {
    const space = spaceOf({ by: "kind", kinds: ["q", "down"] });
    const power = space.names.indexOf("down.power");
    const point = space.dimensions.map(() => 0.5);
    const [before, after] = [space.decode(point), space.decode(point.with(power, 1))];
    expect(after.coefficients.byKind?.q).toEqual(before.coefficients.byKind?.q);
    expect(after.coefficients.byKind?.down).toEqual({ ...before.coefficients.byKind?.down, power: 1.5 });
    const deep = spaceOf({ by: "depth", segments: 2 });
    const last = deep.dimensions.map(() => 0.5).with(deep.names.indexOf("segment2.power"), 0);
    expect(deep.decode(last).coefficients.byDepth?.map(({ power }) => power)).toEqual([0.75, 0]);
  });

  it("begins where a candidate for the whole model stands, in every part", () => {
    const all = methodOf("crepe").untuned;
    const whole = { method: "crepe", pattern: PATTERN, coefficients: { all }, passes: 1 } as const;
    const { byKind } = spaceOf({ by: "kind", kinds: ["q", "fc"] }).decode(
      spaceOf({ by: "kind", kinds: ["q", "fc"] }).encode(whole),
    ).coefficients;
    expect(byKind).toEqual({ q: all, fc: all });
  });

  it("has no dimension where a method has no parameters", () => {
    const space = spaceOf({ by: "model" }, 1, "ria");
    expect(space.dimensions).toEqual([]);
    expect(space.decode([])).toEqual({ method: "ria", pattern: PATTERN, coefficients: { all: {} }, passes: 1 });
    expect(spaceOf({ by: "model" }, 2, "ria").names).toEqual(["passes"]);
  });
});
