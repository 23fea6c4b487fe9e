/** Axes are made from a method's table alone, so these are of methods that do not exist. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Parameter } from "../../src/score/index.js";
import { axesOf } from "../../src/tune/axes.js";

const parameter = (changes: Partial<Parameter>): Parameter => ({
  name: "x",
  summary: "",
  default: 0,
  min: 0,
  max: 1,
  values: "real",
  ...changes,
});

const shares = (count: number): Parameter[] =>
  Array.from({ length: count }, (_, k) => parameter({ name: `share${k}`, values: "share" }));

/** The axes' common point: as many numbers from 0 to 1 as they have dimensions. */
const pointOf = (parameters: readonly Parameter[]) =>
  fc.tuple(
    ...axesOf(parameters).flatMap(({ dimensions }) => dimensions.map(() => fc.double({ min: 0, max: 1, noNaN: true }))),
  );

const decode = (parameters: readonly Parameter[], point: readonly number[]) => {
  const rest = [...point];
  return Object.assign({}, ...axesOf(parameters).map((axis) => axis.decode(rest.splice(0, axis.dimensions.length))));
};

describe("the shares of a method", () => {
  it.each([1, 2, 3, 5])("%i of them take one dimension fewer, are none below 0 and add up to 1", (count) => {
    const parameters = shares(count);
    expect(axesOf(parameters).flatMap(({ dimensions }) => dimensions)).toHaveLength(count - 1);
    fc.assert(
      fc.property(pointOf(parameters), (point) => {
        const values: number[] = Object.values(decode(parameters, point));
        expect(values).toHaveLength(count);
        for (const value of values) expect(value).toBeGreaterThanOrEqual(0);
        expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
      }),
      { seed: 1 },
    );
  });

  it("are uniform on the simplex where points are uniform on the cube", () => {
    const parameters = shares(3);
    const [axis] = axesOf(parameters);
    const steps = 60;
    const at = (k: number) => (k + 0.5) / steps;
    const all: number[][] = [];
    for (let a = 0; a < steps; a++)
      for (let b = 0; b < steps; b++) all.push(Object.values(axis?.decode([at(a), at(b)]) ?? {}));
    const mean = (of: (values: number[]) => number) => all.reduce((sum, values) => sum + of(values), 0) / all.length;
    // Moments of the flat Dirichlet distribution of three: 1/3, 1/6, and for a product 1/12.
    for (const k of [0, 1, 2]) {
      expect(mean((values) => values[k] as number)).toBeCloseTo(1 / 3, 2);
      expect(mean((values) => (values[k] as number) ** 2)).toBeCloseTo(1 / 6, 2);
      expect(mean((values) => (values[k] as number) * (values[(k + 1) % 3] as number))).toBeCloseTo(1 / 12, 2);
    }
  });

  it("are found by their proportions, whatever they add up to", () => {
    const [axis] = axesOf(shares(3));
    const encoded = axis?.encode({ share0: 3, share1: 1, share2: 4 });
    expect(axis?.decode(encoded ?? [])).toEqual({ share0: 0.375, share1: 0.125, share2: 0.5 });
    expect(axis?.decode(axis.encode({ share0: 0, share1: 0, share2: 7 }))).toEqual({ share0: 0, share1: 0, share2: 1 });
  });
});

describe("a parameter of its own", () => {
  it("covers what is searched and no more, from end to end", () => {
    const parameters = [parameter({ name: "x", min: -5, max: 5, searched: { min: -1, max: 3 } })];
    expect([0, 0.25, 1].map((x) => decode(parameters, [x]).x)).toEqual([-1, 0, 3]);
    expect(axesOf(parameters)[0]?.encode({ x: 5 })).toEqual([1]);
    expect(axesOf(parameters)[0]?.encode({ x: -5 })).toEqual([0]);
  });

  it("has a level for each odd integer, all as wide as each other but for the ends", () => {
    const parameters = [parameter({ name: "size", min: 1, max: 63, searched: { min: 3, max: 11 }, values: "odd" })];
    expect(axesOf(parameters)[0]?.dimensions).toEqual([{ levels: 5 }]);
    expect([0, 0.25, 0.5, 0.75, 1].map((x) => decode(parameters, [x]).size)).toEqual([3, 5, 7, 9, 11]);
    fc.assert(
      fc.property(pointOf(parameters), (point) => {
        const { size } = decode(parameters, point);
        expect([3, 5, 7, 9, 11]).toContain(size);
        expect(Math.abs(size - (3 + 8 * (point[0] as number)))).toBeLessThanOrEqual(1);
      }),
      { seed: 1 },
    );
  });
});
