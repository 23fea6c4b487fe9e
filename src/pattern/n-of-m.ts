/**
 * N:M sparsity: N kept of every M consecutive input channels in every output row. (Wanda's, RIA's
 * and SparseGPT's code count the zeros instead: the same at 2:4, the opposite at 1:4.)
 */
import type { NofM, PatternForm } from "./pattern.js";

export const nOfM: PatternForm<NofM> = {
  kind: "n:m",
  summary: "N of every M consecutive input channels stay, for example 2:4",
  describe: (pattern) => `${pattern.keep}:${pattern.of}`,
  refuse: (pattern, shape) =>
    shape.in % pattern.of === 0
      ? null
      : `it has ${shape.in} input channels and pattern ${pattern.keep}:${pattern.of} needs a multiple of ${pattern.of}; ` +
        "exclude it or use an unstructured pattern",
  prunedCount: (pattern, shape) => (shape.out * shape.in * (pattern.of - pattern.keep)) / pattern.of,
};
