/**
 * The table of methods. Adding one is one row; options, help text, the tuner's search space and
 * the conformance tests read it.
 */
import type { Shape } from "../tensor/matrix.js";
import type { Method, ScoreTerms } from "./method.js";

const NO_TERMS = {
  row: 0,
  column: 0,
  window: 0,
  size: 1,
  one: 0,
  statistic: "none",
  power: 0,
} as const satisfies ScoreTerms;

/**
 * Weights of the row and the column term. With shape 1 they follow the weight's shape as sums do: RIA
 * divides by sums, and 1/sum = (1/n)/mean. The common factor g, the harmonic mean of both sizes, keeps
 * coefficients comparable between shapes; a square weight is the same with any `shape`.
 */
function relativeTerms(row: number, column: number, shape: number, { out, in: inputs }: Shape) {
  const g = (2 * inputs * out) / (inputs + out);
  return { row: row * (g / inputs) ** shape, column: column * (g / out) ** shape };
}

export const METHODS = {
  magnitude: {
    summary: "the weight's absolute value; needs no calibration",
    source: "the common baseline; scope as in the code of Wanda",
    statistic: "none",
    defaultScope: "matrix",
    parameters: [],
    untuned: {},
    starts: [],
    untunedScope: "matrix",
    terms: () => ({ ...NO_TERMS, one: 1 }),
  },
  wanda: {
    summary: "absolute value times the norm of its input channel",
    source: "Sun et al., A Simple and Effective Pruning Approach for Large Language Models, arXiv 2306.11695, §3",
    statistic: "norm",
    defaultScope: "row",
    parameters: [],
    untuned: {},
    starts: [],
    untunedScope: "row",
    terms: () => ({ ...NO_TERMS, one: 1, statistic: "norm", power: 1 }),
  },
  ria: {
    summary: "importance relative to row and column, times the square root of the channel's norm",
    source: "Zhang et al., Plug-and-Play: An Efficient Post-training Pruning Method for LLMs, ICLR 2024, eq. 3–4",
    statistic: "norm",
    defaultScope: "matrix",
    parameters: [],
    untuned: {},
    starts: [],
    untunedScope: "matrix",
    terms: (_, shape) => ({ ...NO_TERMS, ...relativeTerms(0.5, 0.5, 1, shape), statistic: "norm", power: 0.5 }),
  },
  crepe: {
    summary: "importance relative to row, column and 2-D neighbourhood, with adaptive coefficients",
    source:
      "Park, Convolution-aware Relative Importance in Post-training Pruning with Efficient Search, arXiv 2606.01544 (mean-normalised reading, see ARCHITECTURE.md)",
    statistic: "norm",
    defaultScope: "row",
    parameters: [
      { name: "row", summary: "weight of the row term", default: 0, min: 0, max: 1, values: "share" },
      { name: "column", summary: "weight of the column term", default: 0.54, min: 0, max: 1, values: "share" },
      { name: "window", summary: "weight of the neighbourhood term", default: 0.46, min: 0, max: 1, values: "share" },
      {
        name: "size",
        summary: "side of the neighbourhood, odd",
        default: 31,
        min: 1,
        max: 63,
        // A window of 1 divides every weight by itself.
        searched: { min: 3, max: 63 },
        values: "odd",
      },
      {
        name: "power",
        summary: "exponent of the activation norm",
        default: 0.8,
        min: 0,
        max: 2,
        searched: { min: 0, max: 1.5 },
        values: "real",
      },
      {
        name: "shape",
        summary: "how far row and column terms follow the weight's shape, from means (0) to sums as in RIA (1)",
        default: 0,
        min: 0,
        max: 1,
        values: "real",
      },
    ],
    // This is RIA, scope included: coefficients found on one family can do far worse than RIA on another.
    untuned: { row: 0.5, column: 0.5, window: 0, size: 31, power: 0.5, shape: 1 },
    starts: [
      { like: "ria", coefficients: { row: 0.5, column: 0.5, window: 0, size: 31, power: 0.5, shape: 1 } },
      { like: "wanda", coefficients: { row: 1, column: 0, window: 0, size: 31, power: 1, shape: 0 } },
      { like: null, coefficients: { row: 0, column: 0.54, window: 0.46, size: 31, power: 0.8, shape: 0 } },
    ],
    untunedScope: "matrix",
    terms: (c, shape) => ({
      ...NO_TERMS,
      ...relativeTerms(c.row as number, c.column as number, c.shape as number, shape),
      window: c.window as number,
      size: c.size as number,
      statistic: "norm",
      power: c.power as number,
    }),
  },
  stade: {
    summary: "absolute value times the standard deviation of its input channel",
    source: "Mecke et al., STADE: Standard Deviation as a Pruning Metric, arXiv 2503.22451, §3",
    statistic: "deviation",
    defaultScope: "row",
    parameters: [],
    untuned: {},
    starts: [],
    untunedScope: "row",
    terms: () => ({ ...NO_TERMS, one: 1, statistic: "deviation", power: 1 }),
  },
} as const satisfies Record<string, Method>;

/** Name of a score method. */
export type MethodName = keyof typeof METHODS;

/** The row of the table, as data any method shares. */
export const methodOf = (name: MethodName): Method => METHODS[name];
