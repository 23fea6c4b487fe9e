import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { change, duration, figure, judgedFigure, rho } from "../../../src/tune/page/figures.js";
import { logTicks, niceTicks, scaleOf } from "../../../src/tune/page/scale.js";

/** Ends of an axis whose length is not lost beside its place. */
const ends = fc
  .tuple(fc.double({ min: -1e9, max: 1e9, noNaN: true }), fc.double({ min: 1e-6, max: 1e9, noNaN: true }))
  .map(([low, length]) => [low, low + Math.max(length, Math.abs(low) * 1e-6)] as const);

describe("ticks", () => {
  it("are round, equally far apart, within the axis, and neither few nor many", () => {
    fc.assert(
      fc.property(ends, ([low, high]) => {
        const ticks = niceTicks(low, high, 5);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(8);
        const step = (ticks[1] as number) - (ticks[0] as number);
        const mantissa = Number(step.toPrecision(3)) / 10 ** Math.floor(Math.log10(step * 1.001));
        expect([1, 2, 5, 10]).toContain(Number(mantissa.toPrecision(2)));
        for (const [i, tick] of ticks.entries()) {
          expect(tick).toBeGreaterThanOrEqual(low);
          expect(tick).toBeLessThanOrEqual(high);
          expect(Math.abs(tick - ((ticks[0] as number) + i * step))).toBeLessThan(step * 1e-3);
        }
      }),
    );
  });

  it("of a logarithmic axis are within it, ascending, and neither few nor many", () => {
    const axis = fc.tuple(
      fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
      fc.double({ min: 4, max: 1e12, noNaN: true }),
    );
    fc.assert(
      fc.property(axis, ([low, spread]) => {
        const ticks = logTicks(low, low * spread, 5);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(8);
        expect(ticks).toEqual([...new Set(ticks)].sort((a, b) => a - b));
        for (const tick of ticks) expect(tick >= low && tick <= low * spread).toBe(true);
      }),
    );
  });

  it("have texts that tell them apart", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 20 }),
        (values) => {
          const texts = scaleOf(values).ticks.map(({ text }) => text);
          // Values that differ only in their last digits cannot have short texts.
          const [least, most] = [Math.min(...values), Math.max(...values)];
          fc.pre(most - least === 0 || most - least > 1e-3 * Math.max(Math.abs(least), Math.abs(most)));
          expect(new Set(texts).size).toBe(texts.length);
        },
      ),
    );
  });
});

describe("a scale", () => {
  it("places all values between its ends, in their order", () => {
    const arrayOf = (min: number, max: number) =>
      fc.array(fc.double({ min, max, noNaN: true }), { minLength: 1, maxLength: 20 });
    // The second is of positive values, whose scale may be logarithmic.
    const values = fc.oneof(arrayOf(-1e150, 1e150), arrayOf(Number.MIN_VALUE, Number.MAX_VALUE));
    fc.assert(
      fc.property(values, (some) => {
        const { at } = scaleOf(some);
        const sorted = [...some].sort((a, b) => a - b).map(at);
        for (const [i, place] of sorted.entries()) {
          expect(place >= 0 && place <= 1).toBe(true);
          if (i > 0) expect(place).toBeGreaterThanOrEqual(sorted[i - 1] as number);
        }
      }),
    );
  });

  it("is logarithmic where positive values spread more than fourfold", () => {
    expect(scaleOf([10, 39]).kind).toBe("linear");
    expect(scaleOf([10, 41]).kind).toBe("log");
    expect(scaleOf([0, 41]).kind).toBe("linear");
    expect(scaleOf([-1, 41]).kind).toBe("linear");
  });

  it("does without values, and leaves infinite ones out of account", () => {
    expect(scaleOf([])).toMatchObject({ low: 0, high: 1 });
    expect(scaleOf([Number.NaN, 2, Number.POSITIVE_INFINITY, 2]).high).toBeLessThan(3);
    expect(scaleOf([1e12, 1e12 + 2 ** -10]).ticks.length).toBeGreaterThanOrEqual(2);
    expect(scaleOf([0.2, 0.6]).ticks.map(({ text }) => text)).toEqual(["0.2", "0.3", "0.4", "0.5", "0.6"]);
  });
});

describe("figures", () => {
  it("have few digits, a real minus sign, and a dash where there is none", () => {
    expect([0, 0.43378, 12_345.6, -0.07, 2_500_000, 1e-7, Number.NaN, null].map((value) => figure(value))).toEqual([
      "0",
      "0.4338",
      "12,346",
      "−0.07",
      "2.5×10⁶",
      "10⁻⁷",
      "–",
      "–",
    ]);
    expect([0.01234, -1.5, 29.602, 1234.5, 123_456, Number.POSITIVE_INFINITY].map(judgedFigure)).toEqual([
      "0.01234",
      "−1.50",
      "29.60",
      "1,234.50",
      "123,456",
      "–",
    ]);
    expect([0.974, -0.4, Number.NaN].map(rho)).toEqual(["0.97", "−0.40", "–"]);
    expect([change(82, 100), change(102.3, 100), change(100.01, 100), change(1, Number.NaN), change(1, 0)]).toEqual([
      "−18.0%",
      "+2.3%",
      "±0.0%",
      "–",
      "–",
    ]);
    // Lower is better, below 0 as well.
    expect(change(-0.9, -0.8)).toBe("−12.5%");
    expect([0.004, 1.26, 42.2, 325, 1600, 12_600].map(duration)).toEqual([
      "4 ms",
      "1.3 s",
      "42 s",
      "5.4 min",
      "27 min",
      "3.5 h",
    ]);
  });
});
