/** Random search and hill climbing do what a baseline should: the simple thing, properly. */
import { describe, expect, it } from "vitest";
import { OPTIMISERS } from "../../../src/tune/optimise/index.js";
import {
  continuous,
  evaluationsTo,
  medianOverSeeds,
  type Objective,
  onCube,
  rastrigin,
  sphere,
} from "./on-the-cube.js";

/** The first `count` points of an optimiser that asks for one at a time. */
function pointsOf(optimiser: ReturnType<typeof OPTIMISERS.random.create>, count: number, f: Objective) {
  return Array.from({ length: count }, () => {
    const [point] = optimiser.ask() as [readonly number[]];
    optimiser.tell([f(point)]);
    return point;
  });
}

describe("random search", () => {
  it("covers the cube and its levels evenly", () => {
    const options = { dimensions: [{ levels: null }, { levels: 4 }], seed: 1 };
    const points = pointsOf(OPTIMISERS.random.create(options), 4000, () => 0);
    for (let part = 0; part < 4; part++) {
      const inPart = points.filter(([u]) => Math.floor(4 * (u as number)) === part).length;
      const onLevel = points.filter(([, v]) => Math.round(3 * (v as number)) === part).length;
      // Five standard deviations of a count of 1000.
      expect(Math.abs(inPart - 1000)).toBeLessThan(137);
      expect(Math.abs(onLevel - 1000)).toBeLessThan(137);
    }
  });

  it("meets a small disc about as often as its area says", () => {
    // The disc of radius 0.547 in a square of side 10 has a share of 0.0094, so its median is near 73.
    const median = medianOverSeeds(41, (seed) =>
      evaluationsTo("random", onCube(sphere, 1.3), { dimensions: continuous(2), seed }, { target: 0.3 }),
    );
    expect(median).toBeGreaterThan(35);
    expect(median).toBeLessThan(150);
  });
});

describe("hill climbing", () => {
  it.each([
    [2, 80],
    [5, 220],
    [10, 480],
  ])("climbs down a sphere of %i dimensions in some forty evaluations a dimension", (n, most) => {
    for (let seed = 0; seed < 5; seed++)
      expect(
        evaluationsTo("hill-climbing", onCube(sphere, 1.3), { dimensions: continuous(n), seed }, { target: 1e-4 }),
      ).toBeLessThan(most);
  });

  it("moves one coordinate at a time from the best point of its climb", () => {
    const f = onCube(sphere, 1.3);
    const optimiser = OPTIMISERS["hill-climbing"].create({ dimensions: continuous(3), seed: 2, start: [0, 0, 1] });
    let best = optimiser.ask()[0] as readonly number[];
    for (const point of pointsOf(optimiser, 40, f).slice(1)) {
      expect(point.filter((u, i) => u !== best[i])).toHaveLength(1);
      if (f(point) < f(best)) best = point;
    }
  });

  it("begins again elsewhere once it is caught in a hollow", () => {
    const options = { dimensions: continuous(2), seed: 0 };
    expect(evaluationsTo("hill-climbing", onCube(rastrigin, 1.3), options, { target: 1e-3 })).toBeLessThan(5000);
  });

  it("tries both neighbours of a level, then begins again, where all coordinates are discrete", () => {
    const options = { dimensions: [{ levels: 5 }], seed: 0, start: [0.5], step: 0.1 };
    const points = pointsOf(OPTIMISERS["hill-climbing"].create(options), 40, ([u]) => Math.abs((u as number) - 0.5));
    expect(points.slice(0, 3).flat().toSorted()).toEqual([0.25, 0.5, 0.75]);
    expect(points.slice(3).flat()).toEqual(expect.arrayContaining([0, 1]));
  });
});
