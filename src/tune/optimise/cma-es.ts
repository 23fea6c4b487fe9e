/**
 * CMA-ES with restarts: runs of the covariance matrix adaptation evolution strategy, each with twice
 * the population of the one before and, after the first, from a random point (IPOP; Auger and
 * Hansen, "A Restart CMA Evolution Strategy With Increasing Population Size", CEC 2005). A larger
 * population sees more of the whole and is less caught by small hollows.
 */
import type { Algorithm, Draft } from "./algorithm.js";
import { defaultPopulation } from "./cma-parameters.js";
import { type CmaRun, drawGeneration, type Generation, learnGeneration, startRun } from "./cma-run.js";
import { remember, stopReason } from "./cma-stopping.js";
import { areNumbers, isCount, isFiniteNumber, isRandomState, isRecord } from "./json-shape.js";
import type { Problem } from "./problem.js";
import { RandomNumbers, type RandomState, seededState } from "./random-numbers.js";
import { randomPoint } from "./random-search.js";

/** Restarts before the search counts as converged for good: the last run's population is 512 times the first's. */
const MOST_RESTARTS = 9;

interface CmaState {
  /** The run under way; null once converged for good. */
  readonly run: CmaRun | null;
  readonly restarts: number;
  /** Whether the caller's first guess is still to be evaluated. It teaches nothing; it only counts for the best point. */
  readonly startIsNew: boolean;
  readonly random: RandomState;
}

interface CmaDraft extends Draft {
  /** Null once converged for good. */
  readonly generation: Generation | null;
  readonly random: RandomState;
}

export const cmaEs: Algorithm<CmaState, CmaDraft> = {
  name: "cma-es",
  begin(problem) {
    const middle = problem.dimensions.map(() => 0.5);
    const population = defaultPopulation(problem.dimensions.length);
    return {
      run: startRun(problem.start ?? middle, population, problem),
      restarts: 0,
      startIsNew: problem.start !== null,
      random: seededState(problem.seed),
    };
  },
  propose(problem, { run, startIsNew, random }) {
    if (run === null) return { points: [], generation: null, random };
    const numbers = new RandomNumbers(random);
    const generation = drawGeneration(run, problem, numbers);
    const first = startIsNew && problem.start !== null ? [problem.start] : [];
    return { points: [...first, ...generation.points], generation, random: numbers.state };
  },
  learn(problem, state, { generation, random }, allValues) {
    if (state.run === null || generation === null) return state;
    const values = allValues.slice(-generation.points.length);
    const run = remember(learnGeneration(state.run, generation, values, problem), values, problem);
    if (stopReason(run, values, generation.axes, problem) === null) return { ...state, run, startIsNew: false, random };
    if (state.restarts >= MOST_RESTARTS) return { ...state, run: null, random };
    const numbers = new RandomNumbers(random);
    return {
      run: startRun(randomPoint(problem, numbers), 2 * run.population, problem),
      restarts: state.restarts + 1,
      startIsNew: false,
      random: numbers.state,
    };
  },
  isState: (value, problem): value is CmaState =>
    isRecord(value) &&
    (value.run === null || isRun(value.run, problem)) &&
    isCount(value.restarts) &&
    typeof value.startIsNew === "boolean" &&
    isRandomState(value.random),
};

const isRun = (value: unknown, { dimensions: { length: n } }: Problem): value is CmaRun =>
  isRecord(value) &&
  isCount(value.population, 4) &&
  isCount(value.generation) &&
  [value.mean, value.stretch, value.stepPath, value.covariancePath].every((vector) => areNumbers(vector, n)) &&
  isFiniteNumber(value.sigma) &&
  value.sigma > 0 &&
  Array.isArray(value.covariance) &&
  value.covariance.length === n &&
  value.covariance.every((row, i) => areNumbers(row, n) && (row[i] as number) > 0) &&
  areNumbers(value.bestValues) &&
  areNumbers(value.medianValues, value.bestValues.length);
