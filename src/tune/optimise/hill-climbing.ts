/**
 * Hill climbing: from one point, try one neighbour at a time and go there if it is better. A round
 * tries every coordinate up and down, in random order; a round without success halves the step; when
 * the step is too small to matter, the climb begins again at a random point. It is a coordinate
 * search in the sense of Kolda, Lewis and Torczon ("Optimization by Direct Search", SIAM Review 45,
 * 2003, §3), the baseline that pays for each evaluation.
 */
import { type Algorithm, type Draft, isEvaluated } from "./algorithm.js";
import { isCount, isFiniteNumber, isPoint, isRandomState, isRecord } from "./json-shape.js";
import type { Dimension, Evaluated } from "./optimiser.js";
import { nearestLevel, type Problem } from "./problem.js";
import { RandomNumbers, type RandomState, seededState } from "./random-numbers.js";
import { randomPoint } from "./random-search.js";

/** A round without success at a step below this ends a climb: finer differences are lost in the noise of what is measured. */
const SMALLEST_STEP = 1e-3;

/** A neighbour: the coordinate that moves, and which way. */
interface Move {
  readonly coordinate: number;
  readonly direction: 1 | -1;
}

interface Climb {
  /** Where the climb stands; null before its first point is evaluated. */
  readonly here: Evaluated | null;
  /** The point to evaluate next. */
  readonly next: readonly number[];
  readonly step: number;
  /** Moves of this round that are still to be tried; the first is the one that leads to `next`. */
  readonly moves: readonly Move[];
  /** Whether this round found a better point. */
  readonly improved: boolean;
  readonly random: RandomState;
}

export const hillClimbing: Algorithm<Climb, Draft> = {
  name: "hill-climbing",
  begin(problem) {
    const numbers = new RandomNumbers(seededState(problem.seed));
    return climbFrom(problem.start ?? randomPoint(problem, numbers), problem, numbers);
  },
  propose: (_problem, { next }) => ({ points: [next] }),
  learn(problem, climb, _draft, values) {
    const value = values[0] as number;
    const found: Evaluated = { point: climb.next, value };
    if (climb.here === null) return nextMove({ ...climb, here: found }, found, problem);
    // A move that helped is tried again: the way downhill is often longer than one step.
    if (value < climb.here.value) return nextMove({ ...climb, here: found, improved: true }, found, problem);
    return nextMove({ ...climb, moves: climb.moves.slice(1) }, climb.here, problem);
  },
  isState: (value, problem): value is Climb =>
    isRecord(value) &&
    (value.here === null || isEvaluated(value.here, problem)) &&
    isPoint(value.next, problem.dimensions.length) &&
    isFiniteNumber(value.step) &&
    value.step > 0 &&
    Array.isArray(value.moves) &&
    value.moves.every((move) => isMove(move, problem)) &&
    typeof value.improved === "boolean" &&
    isRandomState(value.random),
};

const isMove = (value: unknown, { dimensions }: Problem): value is Move =>
  isRecord(value) &&
  isCount(value.coordinate) &&
  value.coordinate < dimensions.length &&
  (value.direction === 1 || value.direction === -1);

/** A climb that is about to evaluate its first point. */
function climbFrom(next: readonly number[], { step }: Problem, numbers: RandomNumbers): Climb {
  return { here: null, next, step, moves: [], improved: true, random: numbers.state };
}

/** The climb with its next point chosen: the first move left that changes anything, in this round or a later one. */
function nextMove(climb: Climb, here: Evaluated, problem: Problem): Climb {
  const numbers = new RandomNumbers(climb.random);
  let { moves, step, improved } = climb;
  for (;;) {
    for (; moves.length > 0; moves = moves.slice(1)) {
      const next = neighbour(here.point, moves[0] as Move, step, problem);
      if (next !== null) return { here, next, step, moves, improved, random: numbers.state };
    }
    if (!improved) {
      if (problem.dimensions.every((dimension) => step <= finestStep(dimension)))
        return climbFrom(randomPoint(problem, numbers), problem, numbers);
      step /= 2;
    }
    moves = shuffledMoves(problem.dimensions.length, numbers);
    improved = false;
  }
}

/** The point one move away, or null where the cube's side is in the way. A discrete coordinate moves one level at least. */
function neighbour(
  point: readonly number[],
  { coordinate, direction }: Move,
  step: number,
  { dimensions }: Problem,
): readonly number[] | null {
  const { levels } = dimensions[coordinate] as Dimension;
  const from = point[coordinate] as number;
  const distance = levels === null ? step : Math.ceil(step * (levels - 1)) / (levels - 1);
  const to = nearestLevel(Math.min(1, Math.max(0, from + direction * distance)), levels);
  return to === from ? null : point.with(coordinate, to);
}

/** The step below which a smaller one reaches no nearer neighbour worth a look. */
const finestStep = ({ levels }: Dimension): number => (levels === null ? SMALLEST_STEP : 1 / (levels - 1));

/** Both directions of all `n` coordinates, in random order (Fisher and Yates). */
function shuffledMoves(n: number, numbers: RandomNumbers): Move[] {
  const moves = Array.from({ length: n }, (_, coordinate) => coordinate).flatMap((coordinate): Move[] => [
    { coordinate, direction: 1 },
    { coordinate, direction: -1 },
  ]);
  for (let last = moves.length - 1; last > 0; last--) {
    const other = numbers.below(last + 1);
    [moves[last], moves[other]] = [moves[other] as Move, moves[last] as Move];
  }
  return moves;
}
