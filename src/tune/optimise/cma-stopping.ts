/**
 * When a run of CMA-ES has nothing more to find: the stopping criteria of Hansen's tutorial
 * (arXiv 1604.00772, appendix B.3), with its names and constants. What follows a stop is a restart.
 */
import { type CmaRun, deviationOf, type PrincipalAxes } from "./cma-run.js";
import type { Problem } from "./problem.js";

/** Why a run ended. */
export type StopReason =
  | "NoEffectAxis"
  | "NoEffectCoord"
  | "ConditionCov"
  | "EqualFunValues"
  | "Stagnation"
  | "TolXUp"
  | "TolFun"
  | "TolX";

const TOL_FUN = 1e-12;
const TOL_X = 1e-12;
const TOL_X_UP = 1e4;
const MOST_CONDITION = 1e14;
/** Longest history that stagnation looks at, generations. */
const LONGEST_HISTORY = 20_000;

/** The run with a generation's values in its history. */
export function remember(run: CmaRun, values: readonly number[], { dimensions }: Problem): CmaRun {
  const sorted = values.toSorted((a, b) => a - b);
  const length = stagnationWindow(run, dimensions.length);
  return {
    ...run,
    bestValues: [...run.bestValues, sorted[0] as number].slice(-length),
    medianValues: [...run.medianValues, medianOf(sorted)].slice(-length),
  };
}

/**
 * The first criterion that holds, or null.
 *
 * @param run after {@link remember}
 * @param values of the last generation, finite
 * @param axes of the covariance that the last generation was drawn from
 */
export function stopReason(
  run: CmaRun,
  values: readonly number[],
  axes: PrincipalAxes,
  { dimensions, step }: Problem,
): StopReason | null {
  const n = dimensions.length;
  // The margin keeps discrete coordinates from standing still, so only continuous ones can tell.
  const continuous = dimensions.flatMap(({ levels }, i) => (levels === null ? [i] : []));
  const [shortest, longest] = [Math.min(...axes.lengths), Math.max(...axes.lengths)];
  const [least, most] = rangeOf(run.bestValues.slice(-equalWindow(run, n)));
  const full = run.bestValues.length >= equalWindow(run, n);

  if (!(longest ** 2 <= MOST_CONDITION * shortest ** 2)) return "ConditionCov";
  if (run.sigma * longest > TOL_X_UP * step) return "TolXUp";
  if (full && least === most) return "EqualFunValues";
  if (full && Math.max(most, ...values) - Math.min(least, ...values) < TOL_FUN) return "TolFun";
  if (continuous.length > 0) {
    const isSmall = (i: number) =>
      deviationOf(run, i) < TOL_X * step && run.sigma * Math.abs(run.covariancePath[i] as number) < TOL_X * step;
    const isUnmoved = (i: number) => (run.mean[i] as number) + 0.2 * deviationOf(run, i) === run.mean[i];
    if (continuous.every(isSmall)) return "TolX";
    if (continuous.some(isUnmoved)) return "NoEffectCoord";
  }
  if (axisHasNoEffect(run, axes)) return "NoEffectAxis";
  return isStagnant(run, n) ? "Stagnation" : null;
}

/** Generations over which the best values are compared: 10 + ⌈30·n/λ⌉. */
const equalWindow = ({ population }: CmaRun, n: number): number => 10 + Math.ceil((30 * n) / population);

/** Generations that stagnation looks at: the last fifth of the run, within bounds. */
const stagnationWindow = ({ generation, population }: CmaRun, n: number): number =>
  Math.min(LONGEST_HISTORY, Math.ceil(Math.max(120 + (30 * n) / population, generation / 5)));

/** Whether a tenth of a standard deviation along one axis, another one each generation, leaves the mean as it is. */
function axisHasNoEffect({ mean, sigma, stretch, generation }: CmaRun, { lengths, vectors }: PrincipalAxes): boolean {
  const k = generation % mean.length;
  return mean.every((m, i) => {
    const component = (vectors[i] as Float64Array)[k] as number;
    return m + 0.1 * sigma * (stretch[i] as number) * (lengths[k] as number) * component === m;
  });
}

/** Whether neither the best nor the median values are better at the end of the history than at its beginning. */
function isStagnant(run: CmaRun, n: number): boolean {
  const length = stagnationWindow(run, n);
  if (run.bestValues.length < length) return false;
  const part = Math.ceil(0.3 * length);
  return [run.bestValues, run.medianValues].every((history) => {
    const median = (values: readonly number[]) => medianOf(values.toSorted((a, b) => a - b));
    return median(history.slice(-part)) >= median(history.slice(0, part));
  });
}

const rangeOf = (values: readonly number[]): [number, number] => [Math.min(...values), Math.max(...values)];

/** The upper median of sorted values. */
const medianOf = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] as number;
