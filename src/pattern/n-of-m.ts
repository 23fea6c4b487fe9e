/**
 * N:M sparsity: N kept of every M input channels in every output row, consecutive ones or, permuted,
 * such as go well together. (Wanda's, RIA's and SparseGPT's code count the zeros instead: the same at
 * 2:4, the opposite at 1:4.)
 */
import type { NofM, PatternForm } from "./pattern.js";

export const nOfM: PatternForm<NofM> = {
  kind: "n:m",
  summary: "N of every M consecutive input channels stay, for example 2:4; or of every M chosen ones",
  describe: (pattern) => `${pattern.keep}:${pattern.of}${pattern.permute ? " permuted" : ""}`,
  refuse: (pattern, shape) =>
    shape.in % pattern.of === 0
      ? null
      : `it has ${shape.in} input channels and pattern ${pattern.keep}:${pattern.of} needs a multiple of ${pattern.of}; ` +
        "exclude it or use an unstructured pattern",
  prunedCount: (pattern, shape) => (shape.out * shape.in * (pattern.of - pattern.keep)) / pattern.of,
};
