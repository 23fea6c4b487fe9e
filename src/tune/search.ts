/**
 * The search loop: an optimiser proposes points, an objective measures the candidates they stand for.
 * Every figure is kept, so that a stopped search goes on where it was and nothing is measured twice.
 */
import { type Candidate, candidateKey } from "./candidate.js";
import { OPTIMISERS, type OptimiserName } from "./optimise/index.js";
import type { SearchSpace } from "./space.js";

/** One measured candidate. */
export interface SearchStep {
  readonly candidate: Candidate;
  /** The objective as it is; `better` of the objective says which way is good. */
  readonly value: number;
  /** Best value up to here. */
  readonly best: number;
  /** Round of the optimiser in which it was proposed, from 1; 0 for a start. Later searches count on. */
  readonly generation: number;
  /** Seconds since the search began, without what lies between stopping and going on. */
  readonly seconds: number;
}

/** A search that can go on: plain data. */
export interface SearchState {
  readonly optimiser: unknown;
  readonly steps: readonly SearchStep[];
}

export interface SearchOptions {
  readonly space: SearchSpace;
  readonly optimiser: OptimiserName;
  readonly better: "lower" | "higher";
  /** Candidates to measure, those of `state` included. */
  readonly evaluations: number;
  readonly seed: number;
  /** Measured first; the search begins at the best of them. */
  readonly starts: readonly Candidate[];
  /** Initial step as a share of each range. */
  readonly step?: number;
  /** Of an earlier, stopped run with the same options. */
  readonly state?: SearchState;
}

export interface SearchControl {
  readonly signal?: AbortSignal;
  /** Called after each measured candidate. */
  readonly onStep?: (step: SearchStep, state: () => SearchState) => void | Promise<void>;
}

/**
 * Searches until `evaluations` candidates are measured or the optimiser has converged.
 *
 * @param measure the objective
 * @returns all steps, in order
 * @throws whatever `measure` throws; the signal's reason when aborted
 */
export async function search(
  measure: (candidate: Candidate, signal?: AbortSignal) => Promise<number>,
  options: SearchOptions,
  { signal, onStep }: SearchControl = {},
): Promise<readonly SearchStep[]> {
  const { space, better, evaluations, seed, starts, step, state } = options;
  const sign = better === "lower" ? 1 : -1;
  const steps: SearchStep[] = [...(state?.steps ?? [])];
  const known = new Map(steps.map((one) => [candidateKey(one.candidate), one.value]));
  const began = performance.now() - 1000 * (steps.at(-1)?.seconds ?? 0);
  let checkpoint: unknown = state?.optimiser ?? null;

  const figureOf = async (candidate: Candidate, generation: number): Promise<number> => {
    const key = candidateKey(candidate);
    const before = known.get(key);
    if (before !== undefined) return before;
    signal?.throwIfAborted();
    const value = await measure(candidate, signal);
    known.set(key, value);
    const lowest = sign * Math.min(sign * value, sign * (steps.at(-1)?.best ?? value));
    const seconds = (performance.now() - began) / 1000;
    steps.push({ candidate, value, best: lowest, generation, seconds });
    await onStep?.(steps.at(-1) as SearchStep, () => ({ optimiser: checkpoint, steps: [...steps] }));
    return value;
  };

  const begun: { start: Candidate; figure: number }[] = [];
  for (const start of starts)
    if (steps.length < evaluations || known.has(candidateKey(start)))
      begun.push({ start, figure: await figureOf(start, 0) });
  if (space.dimensions.length === 0) return steps;
  const [first] = begun.sort((a, b) => sign * (a.figure - b.figure));
  const optimiser = OPTIMISERS[options.optimiser].create(
    {
      dimensions: space.dimensions,
      seed,
      ...(first && { start: space.encode(first.start) }),
      ...(step !== undefined && { step }),
    },
    checkpoint ?? undefined,
  );
  // A generation without a new candidate costs nothing; many of them in a row mean that nothing new will come.
  const firstGeneration = Math.max(1, steps.at(-1)?.generation ?? 0);
  for (
    let generation = firstGeneration, idle = 0;
    steps.length < evaluations && idle < MOST_IDLE_GENERATIONS;
    generation++
  ) {
    checkpoint = optimiser.checkpoint();
    const points = optimiser.ask();
    if (points.length === 0) break;
    const values: number[] = [];
    for (const point of points) {
      if (steps.length >= evaluations) return steps;
      values.push(sign * (await figureOf(space.decode(point), generation)));
    }
    optimiser.tell(values);
    // A step of this generation may have been measured before the search was stopped.
    idle = steps.at(-1)?.generation === generation ? 0 : idle + 1;
  }
  return steps;
}

const MOST_IDLE_GENERATIONS = 50;

/**
 * The best steps that differ: each at least `distance` (in the unit cube, by its largest coordinate) from
 * those before it.
 */
export function bestApart(
  steps: readonly SearchStep[],
  count: number,
  { space, better, distance }: { space: SearchSpace; better: "lower" | "higher"; distance: number },
): SearchStep[] {
  const sign = better === "lower" ? 1 : -1;
  const chosen: { step: SearchStep; point: readonly number[] }[] = [];
  for (const step of [...steps].sort((a, b) => sign * (a.value - b.value))) {
    const point = space.encode(step.candidate);
    const isApart = chosen.every((one) => one.point.some((x, i) => Math.abs(x - (point[i] as number)) >= distance));
    if (isApart) chosen.push({ step, point });
    if (chosen.length === count) break;
  }
  return chosen.map(({ step }) => step);
}
