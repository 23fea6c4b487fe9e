/**
 * CMA-ES against published behaviour: evaluations until the value 1e-9, beside those of Hansen's own
 * pycma 4.5.0 and of the margin authors' CMAwM (package cmaes 0.13.1), measured on the same
 * functions with the same start, step, bounds and population (medians of 11 and of 15 runs).
 */
import { describe, expect, it } from "vitest";
import { OPTIMISERS, RandomNumbers, seededState } from "../../../src/tune/optimise/index.js";
import {
  continuous,
  ellipsoid,
  evaluationsTo,
  medianOverSeeds,
  type Objective,
  onCube,
  rastrigin,
  rosenbrock,
  sphere,
} from "./on-the-cube.js";

const create = OPTIMISERS["cma-es"].create;

/** Median of runs with seeds 0, 1, …; a single one where each takes long and runs differ little. */
const medianTo = (objective: Objective, n: number, step = 0.3) =>
  medianOverSeeds(n < 20 ? 5 : 1, (seed) =>
    evaluationsTo("cma-es", objective, { dimensions: continuous(n), seed, step }),
  );

describe("CMA-ES on functions of one hollow", () => {
  it.each([
    ["sphere", 2, 273, sphere, 1.3],
    ["sphere", 5, 828, sphere, 1.3],
    ["sphere", 10, 1649, sphere, 1.3],
    ["sphere", 20, 3124, sphere, 1.3],
    ["ellipsoid", 2, 467, ellipsoid, 1.3],
    ["ellipsoid", 5, 1543, ellipsoid, 1.3],
    ["ellipsoid", 10, 3941, ellipsoid, 1.3],
    ["ellipsoid", 20, 12979, ellipsoid, 1.3],
    ["Rosenbrock", 2, 489, rosenbrock, 0.4],
    ["Rosenbrock", 5, 1803, rosenbrock, 0.4],
    ["Rosenbrock", 10, 5398, rosenbrock, 0.4],
    ["Rosenbrock", 20, 16855, rosenbrock, 0.4],
  ] as const)(
    "solves the %s of %i dimensions as fast as the reference, in about %i evaluations",
    (_, n, reference, f, shift) => {
      expect(medianTo(onCube(f, shift), n) / reference).toBeLessThan(1.25);
    },
  );

  it("solves a rotated ellipsoid as fast as one along the axes", () => {
    const rotation = randomRotation(8);
    const rotated: Objective = (x) =>
      ellipsoid(rotation.map((row) => row.reduce((sum, r, i) => sum + r * (x[i] as number), 0)));
    // A step that stays clear of the cube's sides, which have directions of their own.
    const [turned, plain] = [rotated, ellipsoid].map((f) => medianTo(onCube(f, 0.4), 8, 0.05)) as [number, number];
    const ratio = turned / plain;
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(1.2);
  });

  it("finds a corner of the cube, and a side that cuts off the optimum, as fast as the reference does", () => {
    const corner: Objective = (x) => x.reduce((sum, u, i) => sum + (i + 1) * u, 0);
    expect(medianTo(corner, 5) / 760).toBeLessThan(1.25);
    const cutOff: Objective = ([u, ...rest]) =>
      ((u as number) + 0.2) ** 2 - 0.04 + sphere(rest.map((other) => other - 0.3));
    expect(medianTo(cutOff, 5) / 648).toBeLessThan(1.25);
  });
});

describe("CMA-ES on Rastrigin's function", () => {
  it.each([
    [2, 3, 10_000],
    [5, 3, 60_000],
    // Eleven runs of the reference took 20 000 to 290 000.
    [10, 1, 400_000],
  ])("finds the one deepest of all hollows in %i dimensions by restarts", (n, runs, most) => {
    const evaluations = medianOverSeeds(runs, (seed) =>
      evaluationsTo("cma-es", onCube(rastrigin, 1.3), { dimensions: continuous(n), seed }, { most }),
    );
    expect(evaluations).toBeLessThan(most);
  });

  it("doubles the population from run to run", () => {
    const optimiser = create({ dimensions: continuous(2), seed: 0 });
    const sizes = new Set<number>();
    for (let points = optimiser.ask(); points.length > 0 && sizes.size < 4; points = optimiser.ask()) {
      sizes.add(points.length);
      optimiser.tell(points.map((x) => onCube(rastrigin, 1.3)(x) + 1));
    }
    expect([...sizes]).toEqual([6, 12, 24, 48]);
  });
});

describe("CMA-ES with discrete coordinates, the second half of ten", () => {
  const halfOf = (levels: number) => continuous(10).map((dimension, i) => (i < 5 ? dimension : { levels }));

  it.each([
    ["21 levels of an ellipsoid", 21, ellipsoid, 3297],
    ["21 levels of a sphere", 21, sphere, 1826],
  ] as const)("solves %s as fast as the reference does", (_, levels, f, reference) => {
    // The optimum of the discrete half is the level 3 of −10 … 10.
    const objective: Objective = (x) => f(x.map((u, i) => 20 * u - 10 - (i < 5 ? 3.3 : 3)));
    const evaluations = medianOverSeeds(5, (seed) =>
      evaluationsTo("cma-es", objective, { dimensions: halfOf(levels), seed }),
    );
    expect(evaluations / reference).toBeLessThan(1.25);
  });

  it("solves a sphere beside five switches as fast as the reference does", () => {
    const objective: Objective = (x) =>
      sphere(x.slice(0, 5).map((u) => 20 * u - 13.3)) + x.slice(5).filter((u) => u === 0).length;
    const evaluations = medianOverSeeds(5, (seed) =>
      evaluationsTo("cma-es", objective, { dimensions: halfOf(2), seed }),
    );
    expect(evaluations / 1953).toBeLessThan(1.25);
  });

  it("solves a function of discrete coordinates alone", () => {
    const dimensions = Array.from({ length: 6 }, () => ({ levels: 11 }));
    const objective: Objective = (x) => ellipsoid(x.map((u) => 10 * u - 7)) / 1e6;
    for (let seed = 0; seed < 5; seed++)
      expect(evaluationsTo("cma-es", objective, { dimensions, seed })).toBeLessThan(3000);
  });
});

describe("CMA-ES", () => {
  it("asks for the same points whatever increasing function the values go through", () => {
    const objective = onCube(rosenbrock, 0.4);
    const pointsFor = (through: (value: number) => number) => {
      const optimiser = create({ dimensions: continuous(4), seed: 3 });
      return Array.from({ length: 80 }, () => {
        const points = optimiser.ask();
        optimiser.tell(points.map((x) => through(objective(x))));
        return points;
      });
    };
    const points = pointsFor((value) => value);
    expect(pointsFor((value) => Math.exp(value / 1e4))).toEqual(points);
    expect(pointsFor((value) => 1e6 * value - 5)).toEqual(points);
  });

  it.each([
    ["flat", () => 3],
    ["nowhere finite", () => Number.NaN],
  ])("restarts on a function that is %s, and ends for good", (_, f) => {
    const optimiser = create({ dimensions: continuous(3), seed: 0 });
    let evaluations = 0;
    for (let points = optimiser.ask(); points.length > 0; points = optimiser.ask()) {
      evaluations += points.length;
      optimiser.tell(points.map(f));
    }
    expect(evaluations).toBeLessThan(100_000);
    optimiser.tell([]);
    expect(optimiser.ask()).toEqual([]);
    expect(create({ dimensions: continuous(3), seed: 0 }, optimiser.checkpoint()).ask()).toEqual([]);
  });

  it("copes with forty dimensions", () => {
    const options = { dimensions: continuous(40), seed: 0 };
    expect(evaluationsTo("cma-es", onCube(sphere, 1.3), options, { target: 1e-2, most: 6000 })).toBeLessThan(6000);
  });
});

/** [n][n], orthogonal: random rows, each made perpendicular to those before it (Gram and Schmidt). */
function randomRotation(n: number): number[][] {
  const numbers = new RandomNumbers(seededState(5));
  const rows: number[][] = [];
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
  while (rows.length < n) {
    let row = Array.from({ length: n }, () => numbers.normal());
    for (const earlier of rows) {
      const along = dot(row, earlier);
      row = row.map((x, i) => x - along * (earlier[i] as number));
    }
    const length = Math.sqrt(dot(row, row));
    rows.push(row.map((x) => x / length));
  }
  return rows;
}
