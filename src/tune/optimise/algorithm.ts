/**
 * What all optimisers share: options, the order of ask and tell, the best point, values that are
 * not finite, checkpoints. An algorithm itself is three pure functions over a state that is JSON,
 * so the state between two generations is all there is to save, and points that were asked but not
 * told are simply drawn again.
 */
import { PruneError } from "../../errors.js";
import { isFiniteNumber, isPoint, isRecord } from "./json-shape.js";
import type { Evaluated, Optimiser, OptimiserOptions } from "./optimiser.js";
import { type Problem, readProblem } from "./problem.js";

/** Points to evaluate, with whatever the algorithm needs to learn from their values. */
export interface Draft {
  /** Each [n], 0 … 1, discrete coordinates on their levels. */
  readonly points: readonly (readonly number[])[];
}

/** A search method. `State` is plain JSON without Infinity or NaN, and is never changed in place. */
export interface Algorithm<State, D extends Draft> {
  /** Its name in the table of optimisers; checkpoints carry it. */
  readonly name: string;
  /** The state before the first point. */
  begin(problem: Problem): State;
  /** The points that follow from a state, always the same ones. No points: converged for good. */
  propose(problem: Problem, state: State): D;
  /**
   * The state that follows.
   *
   * @param values finite, one for each point of the draft; {@link WORST} where the objective's value was not finite
   */
  learn(problem: Problem, state: State, draft: D, values: readonly number[]): State;
  /** Whether data is a state that `learn` could have returned for this problem, as far as shapes and ranges tell. */
  isState(value: unknown, problem: Problem): value is State;
}

/** Stands for a value that is NaN or infinite: worse than all others, and unlike Infinity it survives JSON. */
export const WORST = Number.MAX_VALUE;

/** Raised when checkpoints of earlier versions can no longer be gone on with. */
const CHECKPOINT_FORMAT = 1;

/**
 * An optimiser that runs an algorithm.
 *
 * @param checkpoint from which it goes on; undefined for a fresh start
 * @throws PruneError `bad-option` or `unknown-option` for bad options or a checkpoint that does not fit them
 */
export function createOptimiser<State, D extends Draft>(
  algorithm: Algorithm<State, D>,
  options: OptimiserOptions,
  checkpoint: unknown,
): Optimiser {
  const problem = readProblem(options);
  const restored = checkpoint === undefined ? null : readCheckpoint(checkpoint, algorithm, problem);
  let state = restored?.state ?? algorithm.begin(problem);
  let best: Evaluated | null = restored?.best ?? null;
  let draft: D | null = null;
  return {
    ask() {
      draft ??= algorithm.propose(problem, state);
      return draft.points;
    },
    tell(values) {
      if (draft === null) throw misuse("no points were asked since the last values were told; call ask first");
      const { points } = draft;
      if (values.length !== points.length)
        throw misuse(`expected ${points.length} values, one for each point asked, received ${values.length}`);
      points.forEach((point, k) => {
        const value = values[k] as number;
        if (Number.isFinite(value) && (best === null || value < best.value)) best = { point, value };
      });
      const finite = values.map((value) => (Number.isFinite(value) ? value : WORST));
      state = algorithm.learn(problem, state, draft, finite);
      draft = null;
    },
    get best() {
      return best;
    },
    checkpoint() {
      return structuredClone({ format: CHECKPOINT_FORMAT, optimiser: algorithm.name, problem, state, best });
    },
  };
}

const misuse = (sentence: string): PruneError =>
  new PruneError("bad-option", `optimiser.tell: ${sentence}`, { details: { option: "optimiser.tell" } });

/**
 * @throws PruneError `bad-option` where the checkpoint is none, or one of another algorithm or other options
 */
function readCheckpoint<State, D extends Draft>(
  checkpoint: unknown,
  algorithm: Algorithm<State, D>,
  problem: Problem,
): { state: State; best: Evaluated | null } {
  const refuse = (reason: string): PruneError =>
    new PruneError("bad-option", `optimiser checkpoint: ${reason}; leave it out to start afresh`, {
      details: { option: "checkpoint", optimiser: algorithm.name },
    });
  if (!isRecord(checkpoint) || checkpoint.format !== CHECKPOINT_FORMAT)
    throw refuse(`expected what checkpoint() returned, in format ${CHECKPOINT_FORMAT}`);
  if (checkpoint.optimiser !== algorithm.name)
    throw refuse(`expected one of "${algorithm.name}", found one of ${JSON.stringify(checkpoint.optimiser)}`);
  // Both sides are plain JSON with their keys in the order of `readProblem`.
  if (JSON.stringify(checkpoint.problem) !== JSON.stringify(problem))
    throw refuse("it was made with other dimensions, seed, start or step");
  const { state, best } = structuredClone({ state: checkpoint.state, best: checkpoint.best });
  if (!algorithm.isState(state, problem)) throw refuse("its state is damaged");
  if (best !== null && !isEvaluated(best, problem)) throw refuse("its best point is damaged");
  return { state, best };
}

/** Whether data is a point of the problem and its finite value. */
export const isEvaluated = (value: unknown, { dimensions }: Problem): value is Evaluated =>
  isRecord(value) && isPoint(value.point, dimensions.length) && isFiniteNumber(value.value);
