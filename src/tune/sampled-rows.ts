/**
 * Output rows that stand for all: objectives that look at weights only score and prune the same seeded
 * sample of rows for every candidate, so that what a sample gets wrong is wrong for all alike.
 */
import type { Target } from "../graph/index.js";
import { channelFactor, coefficientsOf, depthOf, methodOf } from "../score/index.js";
import { storedDims } from "../tensor/matrix.js";
import type { Candidate } from "./candidate.js";
import { LowestScores } from "./lowest-scores.js";
import { RandomNumbers, seededState } from "./optimise/random-numbers.js";
import { SampledWeight } from "./sampled-weight.js";
import { storedRows } from "./stored-rows.js";
import type { Subject } from "./subject.js";

/** Rows of a weight. One from each of 16 equal parts, so that heads, which lie one after another, all have a say. */
const ROWS = 16;
/** Most weights that a candidate is measured on in all; the 2.4 million of SmolLM2's sample take a tenth of a second. */
const SAMPLED_VALUES = 2 ** 22;

/** How a candidate prunes the sampled rows of one weight. Arrays are [rows, in]. */
export interface PrunedRows {
  readonly weight: SampledWeight;
  /** `rows` times `in`; what the arrays hold beyond it means nothing. */
  readonly length: number;
  readonly scores: Float32Array;
  /** 1 where the weight goes. */
  readonly pruned: Uint8Array;
}

/** The sample of one subject. */
export class SampledRows {
  /** Weights that stand for all of the model. */
  readonly targets: readonly Target[];
  /** Most values that the sample of one weight has. */
  readonly longest: number;
  private readonly weights = new Map<Target, SampledWeight>();
  private readonly rows: ReadonlyMap<Target, readonly number[]>;
  private readonly scores: Float32Array;
  private readonly lowest: LowestScores;

  constructor(private readonly subject: Subject) {
    const { targets, seed } = subject;
    const random = new RandomNumbers(seededState(seed));
    this.targets = representatives(targets);
    this.rows = new Map(targets.map((target) => [target, drawRows(target.shape.out, random)]));
    this.longest = targets.reduce((most, target) => Math.max(most, valuesOf(target)), 0);
    this.scores = new Float32Array(this.longest);
    this.lowest = new LowestScores(this.longest);
  }

  /**
   * The sampled rows of any weight of the subject, read when they are first asked for.
   *
   * @throws PruneError `bad-weight` where they hold NaN or Inf
   */
  weightOf(target: Target): SampledWeight {
    const known = this.weights.get(target);
    if (known !== undefined) return known;
    const [, columns] = storedDims(target.shape, target.order);
    const { dense } = this.subject;
    const stored = storedRows(dense.of(target), dense.codingOf(target), columns);
    const weight = new SampledWeight(target, this.rows.get(target) as readonly number[], stored);
    this.weights.set(target, weight);
    return weight;
  }

  /**
   * Scores the sampled rows of a weight as `candidate` says, and prunes them. The result is valid until
   * the next call.
   *
   * @throws PruneError `bad-calibration` where a statistic is needed and absent; `bad-weight` for NaN and Inf
   */
  prune(target: Target, { method, pattern, coefficients, passes }: Candidate): PrunedRows {
    const { plan, statistics } = this.subject;
    const { name, kind, layer, shape } = target;
    const weight = this.weightOf(target);
    const own = coefficientsOf(coefficients, { kind, depth: depthOf(layer, plan.layers) });
    const terms = methodOf(method).terms(own, shape);
    const { scores, lowest } = this;
    weight.score(terms, channelFactor(terms, shape.in, statistics[passes - 1]?.get(target), name), scores);
    lowest.select(scores, weight.rows.length, shape.in, pattern);
    return { weight, length: weight.values.length, scores, pruned: lowest.pruned };
  }
}

const SHARED = new WeakMap<Subject, SampledRows>();

/** The sample of a subject: one, however many objectives look at it. */
export function sampledRowsOf(subject: Subject): SampledRows {
  const rows = SHARED.get(subject) ?? new SampledRows(subject);
  SHARED.set(subject, rows);
  return rows;
}

/** Sampled weights of a target. */
const valuesOf = ({ shape }: Target): number => Math.min(ROWS, shape.out) * shape.in;

/** One row of each of up to 16 equal parts, ascending. */
function drawRows(out: number, random: RandomNumbers): readonly number[] {
  const parts = Math.min(ROWS, out);
  return Array.from({ length: parts }, (_, part) => {
    const start = Math.floor((part * out) / parts);
    return start + random.below(Math.floor(((part + 1) * out) / parts) - start);
  });
}

/**
 * All targets, or where their samples are too many as large a share of each kind as fits, at least one,
 * evenly spread over the depth. Kinds start at different depths, so that together they leave no gaps.
 */
export function representatives(targets: readonly Target[]): readonly Target[] {
  const all = targets.reduce((sum, target) => sum + valuesOf(target), 0);
  if (all <= SAMPLED_VALUES) return targets;
  const kinds = [...new Set(targets.map(({ kind }) => kind))];
  const chosen = kinds.flatMap((kind, k) => {
    const own = targets.filter((target) => target.kind === kind);
    const count = Math.max(1, Math.floor((own.length * SAMPLED_VALUES) / all));
    return spread(own, count, (k + 0.5) / kinds.length);
  });
  return targets.filter((target) => chosen.includes(target));
}

/**
 * One item of each of `count` equal parts.
 *
 * @param count at most as many as there are items
 * @param at where in its part the item lies, 0 … 1 exclusive
 */
export const spread = <T>(items: readonly T[], count: number, at: number): T[] =>
  Array.from({ length: count }, (_, part) => items[Math.floor(((part + at) * items.length) / count)] as T);
