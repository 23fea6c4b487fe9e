/**
 * The error that pruning makes in each weight's output if its input channels were independent of each
 * other: the diagonal of X^T X, which calibration has counted already, is all it needs.
 */
import type { TargetStatistics } from "../../calibrate/index.js";
import { PruneError } from "../../errors.js";
import type { Target } from "../../graph/index.js";
import type { ChannelStatistics } from "../../score/index.js";
import type { Objective } from "../objective.js";
import type { SampledWeight } from "../sampled-weight.js";
import type { Subject } from "../subject.js";
import { byDevice } from "./by-device.js";
import { byRows } from "./by-rows.js";

export const diagonalError: Objective = {
  summary:
    "squared output error of every weight on dense inputs as if channels were uncorrelated, relative to its output",
  source: "Σ W² Σ x² over pruned weights, the square of Wanda's score, arXiv 2306.11695",
  better: "lower",
  open: async (subject, signal) => {
    const dense = denseStatistics(subject);
    const sampled = byRows((_, { targets }) => {
      const whole = new Map<Target, number>();
      return {
        targets,
        share: () => 1,
        figure: (target, { weight, pruned }) => {
          const squares = (dense.get(target) as ChannelStatistics).sumOfSquares;
          const all = whole.get(target) ?? energyOf(weight, squares, null);
          whole.set(target, all);
          return all > 0 ? energyOf(weight, squares, pruned) / all : 0;
        },
      };
    });
    return byDevice({ figure: "outputError", share: () => 1 }, sampled)(subject, signal);
  },
};

function denseStatistics({ model, statistics: [dense] }: Subject): TargetStatistics {
  if (dense !== undefined) return dense;
  throw new PruneError(
    "unsupported",
    `${model.onnx.name}: the method needs no calibration, so there are no statistics of the inputs for diagonal-error; ` +
      "tune with output-error or hidden-drift",
    { details: { file: model.onnx.name } },
  );
}

/** Σ W² · squares over the rows' weights that are marked, all where `marks` is null. */
function energyOf({ values, rows }: SampledWeight, squares: Float64Array, marks: Uint8Array | null): number {
  const channels = squares.length;
  let total = 0;
  for (let r = 0, k = 0; r < rows.length; r++) {
    let sum = 0;
    for (let i = 0; i < channels; i++, k++) {
      const w = values[k] as number;
      sum += w * w * (squares[i] as number) * (marks === null ? 1 : (marks[k] as number));
    }
    total += sum;
  }
  return total;
}
