/** What every optimiser of the table promises, whichever it is. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OPTIMISERS, type OptimiserName, type OptimiserOptions } from "../../../src/tune/optimise/index.js";
import { continuous, onCube, sphere } from "./on-the-cube.js";

const NAMES = Object.keys(OPTIMISERS) as OptimiserName[];
const MIXED: OptimiserOptions = {
  dimensions: [{ levels: null }, { levels: 2 }, { levels: 31 }, { levels: null }],
  seed: 7,
};
const objective = onCube(sphere, 1.3);

/** The next `generations` answers of an optimiser that is told the objective's values. */
function play(optimiser: ReturnType<(typeof OPTIMISERS)[OptimiserName]["create"]>, generations: number, f = objective) {
  return Array.from({ length: generations }, () => {
    const points = optimiser.ask();
    optimiser.tell(points.map(f));
    return points;
  });
}

describe.each(NAMES)("%s", (name) => {
  const create = OPTIMISERS[name].create;

  it("asks for points of the cube, with discrete coordinates on their levels", () => {
    for (const point of play(create({ ...MIXED, step: 1 }), 60).flat()) {
      expect(point).toHaveLength(4);
      expect(point.every((u) => u >= 0 && u <= 1)).toBe(true);
      expect([0, 1]).toContain(point[1]);
      expect(Math.round((point[2] as number) * 30) / 30).toBe(point[2]);
    }
  });

  it("asks for the same points until it is told their values", () => {
    const optimiser = create(MIXED);
    expect(optimiser.ask()).toEqual(optimiser.ask());
    expect(optimiser.ask()).toEqual(create(MIXED).ask());
  });

  it("does the same with the same seed and something else with another", () => {
    const points = play(create(MIXED), 20);
    expect(play(create({ ...MIXED }), 20)).toEqual(points);
    expect(play(create({ ...MIXED, seed: 8 }), 20)).not.toEqual(points);
  });

  it("begins with the caller's first guess, discrete coordinates on their nearest level", () => {
    const [first] = create({ ...MIXED, start: [0, 0.6, 0.5, 1] }).ask();
    expect(first).toEqual([0, 1, 15 / 30, 1]);
  });

  it("knows the best point it was told, the earliest among equals", () => {
    const optimiser = create({ dimensions: continuous(2), seed: 0 });
    expect(optimiser.best).toBeNull();
    const told = play(optimiser, 40, (x) => Math.round(4 * objective(x))).flat();
    const best = told.reduce((a, b) => (Math.round(4 * objective(b)) < Math.round(4 * objective(a)) ? b : a));
    expect(optimiser.best).toEqual({ point: best, value: Math.round(4 * objective(best)) });
  });

  it("takes NaN and infinite values for the worst and goes on", () => {
    const optimiser = create({ dimensions: continuous(2), seed: 0 });
    play(optimiser, 3, () => Number.NaN);
    expect(optimiser.best).toBeNull();
    let calls = 0;
    play(optimiser, 300, (x) => {
      calls++;
      return calls % 5 === 0 ? Number.NaN : calls % 7 === 0 ? -Infinity : calls % 11 === 0 ? Infinity : objective(x);
    });
    expect(optimiser.best?.value).toBeGreaterThanOrEqual(0);
    expect(optimiser.best?.value).toBeLessThan(2);
  });

  it("goes on from a checkpoint that went through JSON as if it had never stopped", () => {
    const dimension = fc.record({ levels: fc.option(fc.integer({ min: 2, max: 9 })) });
    const search = fc.record({
      dimensions: fc.array(dimension, { minLength: 1, maxLength: 4 }),
      seed: fc.maxSafeNat(),
      guess: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      before: fc.nat(40),
      asked: fc.boolean(),
      // A flat function makes CMA-ES restart, and a hill climber as well.
      flat: fc.boolean(),
    });
    fc.assert(
      fc.property(search, ({ dimensions, seed, guess, before, asked, flat }) => {
        const options = { dimensions, seed, ...(guess === null ? {} : { start: dimensions.map(() => guess) }) };
        const f = (x: readonly number[]) => (flat ? 3 : (x[0] as number) > 0.9 ? Number.NaN : objective(x));
        const whole = create(options);
        play(whole, before, f);
        if (asked) whole.ask();
        const resumed = create(options, JSON.parse(JSON.stringify(whole.checkpoint())));
        expect(resumed.best).toEqual(whole.best);
        expect(play(resumed, 20, f)).toEqual(play(whole, 20, f));
        expect(resumed.checkpoint()).toEqual(whole.checkpoint());
      }),
      { numRuns: 60 },
    );
  });

  it("refuses a checkpoint that is damaged, of other options or of another optimiser", () => {
    const optimiser = create(MIXED);
    play(optimiser, 5);
    const checkpoint = optimiser.checkpoint() as Record<string, unknown>;
    const other = OPTIMISERS[NAMES.find((n) => n !== name) as OptimiserName].create(MIXED).checkpoint();
    const refused = (value: unknown, reason: RegExp) =>
      expect(() => create(MIXED, value)).toThrow(
        expect.objectContaining({ code: "bad-option", message: expect.stringMatching(reason) }),
      );
    refused(null, /expected what checkpoint\(\) returned/);
    refused({ ...checkpoint, format: 0 }, /in format 1/);
    refused(other, /found one of/);
    refused({ ...checkpoint, state: { ...(checkpoint.state as object), random: { words: [0, 0, 0, 0] } } }, /damaged/);
    refused({ ...checkpoint, best: { point: [0.5], value: 1 } }, /damaged/);
    expect(() => create({ ...MIXED, seed: 8 }, checkpoint)).toThrow(/other dimensions, seed, start or step/);
  });

  it("refuses values without points, and another number of values than points", () => {
    const optimiser = create(MIXED);
    expect(() => optimiser.tell([1])).toThrow(expect.objectContaining({ code: "bad-option" }));
    const count = optimiser.ask().length;
    expect(() => optimiser.tell(Array(count + 1).fill(1))).toThrow(
      expect.objectContaining({ code: "bad-option", message: expect.stringContaining(`expected ${count} values`) }),
    );
    optimiser.tell(Array(count).fill(1));
    expect(() => optimiser.tell(Array(count).fill(1))).toThrow(/call ask first/);
  });

  it.each([
    ["no dimensions", { dimensions: [] }, /dimensions: expected an array of at least one/],
    ["a dimension of one level", { dimensions: [{ levels: 1 }] }, /dimensions\.0\.levels: .* received 1/],
    ["a start of another length", { start: [0.5] }, /start: expected 4 numbers/],
    [
      "a start outside of the cube",
      { start: [0, 0, 0, 1.5] },
      /start\.3: expected a number from 0 to 1, received 1\.5/,
    ],
    ["a start that is no number", { start: [0, Number.NaN, 0, 0] }, /start\.1/],
    ["a seed that is not whole", { seed: 0.5 }, /seed: expected a whole number/],
    ["a step of 0", { step: 0 }, /step: expected a number above 0/],
  ])("refuses %s", (_, wrong, message) => {
    expect(() => create({ ...MIXED, ...wrong })).toThrow(
      expect.objectContaining({ code: "bad-option", message: expect.stringMatching(message) }),
    );
  });

  it("refuses an option that does not exist and names the nearest", () => {
    const options = { ...MIXED, sede: 3 } as OptimiserOptions;
    expect(() => create(options)).toThrow(
      expect.objectContaining({ code: "unknown-option", message: expect.stringContaining('did you mean "seed"') }),
    );
  });
});
