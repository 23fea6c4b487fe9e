/**
 * What a score method is. All score-only methods are one formula, so a method is data:
 *
 *   S[o,i] = |W[o,i]| · ( row / mean_row(o) + column / mean_col(i) + window / mean_win(o,i) + one ) · stat(i)^power
 *
 * mean_row(o): mean of |W| over the inputs of output o. mean_col(i): over the outputs of input i.
 * mean_win(o,i): over the size × size neighbourhood of (o,i), centre included, clipped at the edges.
 * 0/0 counts as 0. Higher is more important. Means (not sums) let coefficients carry over between shapes.
 */

import type { Scope } from "../pattern/pattern.js";
import type { Shape } from "../tensor/matrix.js";

/** What stat(i) is, per input channel, over all calibration tokens. */
export type Statistic =
  /** 1: no calibration needed. */
  | "none"
  /** L2 norm of the channel. */
  | "norm"
  /** Standard deviation of the channel (divided by the token count; the constant changes no ranking). */
  | "deviation";

/** The formula's coefficients for one weight. */
export interface ScoreTerms {
  readonly row: number;
  readonly column: number;
  readonly window: number;
  /** Side of the neighbourhood: odd, at least 1. Unused where `window` is 0. */
  readonly size: number;
  readonly one: number;
  readonly statistic: Statistic;
  readonly power: number;
}

/** A number of a method that users may set and the tuner may search. */
export interface Parameter {
  readonly name: string;
  readonly summary: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Where the tuner looks, if not everywhere between `min` and `max`. */
  readonly searched?: { readonly min: number; readonly max: number };
  /**
   * `"odd"`: an odd integer. `"share"`: the weight of a term; of all shares of a method only the
   * proportions matter, because a common factor changes no ranking, so the tuner searches a simplex.
   */
  readonly values: "real" | "odd" | "share";
}

/** Values of a method's parameters, by name. */
export type Coefficients = Readonly<Record<string, number>>;

/** One row of the table of methods. */
/** Coefficients that were known before any search. */
export interface Start {
  readonly coefficients: Coefficients;
  /** The method whose masks these are wherever scores compete within rows; null for coefficients of their own. */
  readonly like: "ria" | "wanda" | null;
}

export interface Method {
  readonly summary: string;
  /** Where the formula comes from. */
  readonly source: string;
  readonly statistic: Statistic;
  /** Scope of an unstructured pattern when the user names none: what the paper's code does. */
  readonly defaultScope: Scope;
  readonly parameters: readonly Parameter[];
  /**
   * What is taken where nothing is known of the model's family. A parameter's `default` only completes
   * coefficients that somebody gave. Empty where there are no parameters.
   */
  readonly untuned: Coefficients;
  /** Where the tuner's search begins, and what it must beat. */
  readonly starts: readonly Start[];
  /** As `defaultScope`, for the untuned coefficients. */
  readonly untunedScope: Scope;
  /** Coefficients of the formula for a weight of this shape. `coefficients` is complete and valid. */
  readonly terms: (coefficients: Coefficients, shape: Shape) => ScoreTerms;
}
