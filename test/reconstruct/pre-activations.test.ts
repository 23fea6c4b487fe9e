import { describe, expect, it } from "vitest";
import { ACTIVATIONS, type ActivationName } from "../../src/reconstruct/activations.js";
import { moveActivated, moveMultiplied } from "../../src/reconstruct/pre-activations.js";
import { randomNumbers } from "./problems.js";

const NAMES = Object.keys(ACTIVATIONS) as ActivationName[];
const none = { signal: undefined };

describe("activation functions", () => {
  it("have the values that are known of them", () => {
    expect(ACTIVATIONS.silu.value(1)).toBeCloseTo(0.7310586, 6);
    expect(ACTIVATIONS.gelu.value(1)).toBeCloseTo(0.8413447, 6);
    expect(ACTIVATIONS.gelu.value(-2)).toBeCloseTo(-0.0455003, 6);
    expect(ACTIVATIONS["gelu-tanh"].value(1)).toBeCloseTo(0.841192, 6);
  });

  it.each(NAMES)("%s has the slope of its differences", (name) => {
    const { value, slope } = ACTIVATIONS[name];
    for (let x = -6.05; x < 6; x += 0.1) {
      const difference = (value(x + 1e-3) - value(x - 1e-3)) / 2e-3;
      expect(slope(x)).toBeCloseTo(difference, 3);
    }
    for (const far of [-200, 200]) expect(Number.isFinite(value(far) + slope(far))).toBe(true);
  });
});

describe("pre-activations", () => {
  const random = randomNumbers(21);
  const numbers = (scale: number) => Float32Array.from({ length: 400 }, () => scale * random());
  const closeness = 10;

  it.each(NAMES)("of %s move to where no other value costs less, or at least never up", async (activation) => {
    const [given, hidden, z] = [numbers(2), numbers(2), numbers(1)];
    const s = given.slice();
    await moveActivated({ s, z, hidden, given, activation, closeness }, { moves: 30, ...none });
    const { value } = ACTIVATIONS[activation];
    for (let k = 0; k < s.length; k++) {
      const [c, p, factor] = [given, hidden, z].map((of) => of[k] as number) as [number, number, number];
      const cost = (x: number) => (x - c) ** 2 + closeness * (p - factor * value(x)) ** 2;
      const reached = cost(s[k] as number);
      expect(reached).toBeLessThanOrEqual(cost(c) * (1 + 1e-6) + 1e-6);
      if (activation !== "relu") continue;
      const others = Array.from({ length: 401 }, (_, i) => cost((i - 200) / 25));
      expect(reached).toBeLessThanOrEqual(Math.min(...others) + 1e-5);
    }
  });

  it("behind the activation are in closed form", async () => {
    const [given, hidden, s, z] = [numbers(2), numbers(2), numbers(2), numbers(1)];
    await moveMultiplied({ s, z, hidden, given, activation: "silu", closeness }, none);
    for (let k = 0; k < z.length; k++) {
      const f = ACTIVATIONS.silu.value(s[k] as number);
      const slope = (x: number) => x - (given[k] as number) - closeness * f * ((hidden[k] as number) - f * x);
      expect(slope(z[k] as number)).toBeCloseTo(0, 4);
    }
  });
});
