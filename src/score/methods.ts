/**
 * The table of methods. Adding one is one row; options, help text, the tuner's search space and
 * the conformance tests read it.
 */
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

export const METHODS = {
  magnitude: {
    summary: "the weight's absolute value; needs no calibration",
    source: "the common baseline; scope as in the code of Wanda",
    statistic: "none",
    defaultScope: "matrix",
    parameters: [],
    terms: () => ({ ...NO_TERMS, one: 1 }),
  },
  wanda: {
    summary: "absolute value times the norm of its input channel",
    source: "Sun et al., A Simple and Effective Pruning Approach for Large Language Models, arXiv 2306.11695, §3",
    statistic: "norm",
    defaultScope: "row",
    parameters: [],
    terms: () => ({ ...NO_TERMS, one: 1, statistic: "norm", power: 1 }),
  },
  ria: {
    summary: "importance relative to row and column, times the square root of the channel's norm",
    source: "Zhang et al., Plug-and-Play: An Efficient Post-training Pruning Method for LLMs, ICLR 2024, eq. 3–4",
    statistic: "norm",
    defaultScope: "matrix",
    parameters: [],
    // RIA divides by sums: 1/sum = (1/n)/mean.
    terms: (_, shape) => ({ ...NO_TERMS, row: 1 / shape.in, column: 1 / shape.out, statistic: "norm", power: 0.5 }),
  },
  crepe: {
    summary: "importance relative to row, column and 2-D neighbourhood, with adaptive coefficients",
    source:
      "Park, Convolution-aware Relative Importance in Post-training Pruning with Efficient Search, arXiv 2606.01544 (mean-normalised reading, see ARCHITECTURE.md)",
    statistic: "norm",
    defaultScope: "row",
    parameters: [
      { name: "row", summary: "weight of the row term", default: 0, min: 0, max: 1, values: "real" },
      { name: "column", summary: "weight of the column term", default: 0.54, min: 0, max: 1, values: "real" },
      { name: "window", summary: "weight of the neighbourhood term", default: 0.46, min: 0, max: 1, values: "real" },
      { name: "size", summary: "side of the neighbourhood, odd", default: 31, min: 1, max: 63, values: "odd" },
      { name: "power", summary: "exponent of the activation norm", default: 0.8, min: 0, max: 2, values: "real" },
    ],
    terms: (c, _) => ({
      ...NO_TERMS,
      row: c.row as number,
      column: c.column as number,
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
    terms: () => ({ ...NO_TERMS, one: 1, statistic: "deviation", power: 1 }),
  },
} as const satisfies Record<string, Method>;

/** Name of a score method. */
export type MethodName = keyof typeof METHODS;

/** The row of the table, as data any method shares. */
export const methodOf = (name: MethodName): Method => METHODS[name];
