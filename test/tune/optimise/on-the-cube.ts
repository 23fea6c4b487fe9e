/**
 * The usual test functions with their domain mapped onto the unit cube and their optimum, of value 0,
 * off its centre; and a loop that runs an optimiser on them.
 */
import {
  type Dimension,
  OPTIMISERS,
  type OptimiserName,
  type OptimiserOptions,
} from "../../../src/tune/optimise/index.js";

export type Objective = (point: readonly number[]) => number;

const sumOf = (x: readonly number[], term: (x: number, i: number) => number): number =>
  x.reduce((sum, value, i) => sum + term(value, i), 0);

export const sphere: Objective = (x) => sumOf(x, (v) => v * v);
/** Condition number 1e6. */
export const ellipsoid: Objective = (x) => sumOf(x, (v, i) => 10 ** ((6 * i) / (x.length - 1)) * v * v);
/** Its optimum is (1, …, 1). */
export const rosenbrock: Objective = (x) =>
  sumOf(x.slice(1), (next, i) => 100 * (next - (x[i] as number) ** 2) ** 2 + ((x[i] as number) - 1) ** 2);
export const rastrigin: Objective = (x) => sumOf(x, (v) => v * v + 10 - 10 * Math.cos(2 * Math.PI * v));

/** `f` over [−5, 5]^n as a function on the cube, moved by `shift` in every coordinate. */
export const onCube =
  (f: Objective, shift: number): Objective =>
  (point) =>
    f(point.map((u) => 10 * u - 5 - shift));

export const continuous = (n: number): Dimension[] => Array.from({ length: n }, () => ({ levels: null }));

/** Number of evaluations until the first value of `target` or less; Infinity where `most` were not enough. */
export function evaluationsTo(
  name: OptimiserName,
  objective: Objective,
  options: OptimiserOptions,
  { target = 1e-9, most = 400_000 }: { target?: number; most?: number } = {},
): number {
  const optimiser = OPTIMISERS[name].create(options);
  for (let evaluations = 0; evaluations < most; ) {
    const values = optimiser.ask().map(objective);
    const reached = values.findIndex((value) => value <= target);
    if (reached >= 0) return evaluations + reached + 1;
    if (values.length === 0) return Infinity;
    evaluations += values.length;
    optimiser.tell(values);
  }
  return Infinity;
}

/** The upper median over seeds 0, 1, …, `runs` − 1. */
export function medianOverSeeds(runs: number, measure: (seed: number) => number): number {
  const sorted = Array.from({ length: runs }, (_, seed) => measure(seed)).toSorted((a, b) => a - b);
  return sorted[Math.floor(runs / 2)] as number;
}
