/**
 * Random search: points drawn uniformly, one at a time. The baseline every other search must beat,
 * and a strong one where only few dimensions matter (Bergstra and Bengio, "Random Search for
 * Hyper-Parameter Optimization", JMLR 13, 2012).
 */
import type { Algorithm, Draft } from "./algorithm.js";
import { isRandomState, isRecord } from "./json-shape.js";
import { nearestLevel, type Problem } from "./problem.js";
import { RandomNumbers, type RandomState, seededState } from "./random-numbers.js";

interface RandomSearchState {
  /** Whether the next point is the caller's first guess. */
  readonly atStart: boolean;
  readonly random: RandomState;
}

interface RandomSearchDraft extends Draft {
  readonly random: RandomState;
}

export const randomSearch: Algorithm<RandomSearchState, RandomSearchDraft> = {
  name: "random",
  begin: ({ seed, start }) => ({ atStart: start !== null, random: seededState(seed) }),
  propose(problem, { atStart, random }) {
    if (atStart && problem.start !== null) return { points: [problem.start], random };
    const numbers = new RandomNumbers(random);
    return { points: [randomPoint(problem, numbers)], random: numbers.state };
  },
  learn: (_problem, _state, { random }) => ({ atStart: false, random }),
  isState: (value): value is RandomSearchState =>
    isRecord(value) && typeof value.atStart === "boolean" && isRandomState(value.random),
};

/** A point of the cube, [n], uniform; every level of a discrete coordinate is as likely as any other. */
export function randomPoint({ dimensions }: Problem, numbers: RandomNumbers): number[] {
  return dimensions.map(({ levels }) =>
    levels === null ? numbers.uniform() : nearestLevel(numbers.below(levels) / (levels - 1), levels),
  );
}
