/**
 * Unstructured sparsity by rank. Counts follow the authors' code: floor(in · s) per output row in
 * row scope (Wanda), floor(n · s) per matrix in matrix scope (magnitude, RIA), without their extra
 * weight at the threshold, because selection here is by rank and ties keep the lower index.
 */
import type { PatternForm, Unstructured } from "./pattern.js";

/**
 * floor(count · sparsity) as a person means it: 0.3 · 10 is 3, though its double is 2.9999999999999996
 * for some factors. A product within one part in 10^9 of the next integer counts as that integer.
 */
export function shareOf(count: number, sparsity: number): number {
  const product = count * sparsity;
  const nearest = Math.round(product);
  return Math.abs(product - nearest) <= 1e-9 * Math.max(1, nearest) ? nearest : Math.floor(product);
}

export const unstructured: PatternForm<Unstructured> = {
  kind: "unstructured",
  summary: "a share of the weights, anywhere; scores compete per output row or per matrix",
  describe: (pattern) => `${Math.round(pattern.sparsity * 1e6) / 1e4}% by ${pattern.scope}`,
  refuse: () => null,
  prunedCount: ({ sparsity, scope }, shape) =>
    scope === "row" ? shape.out * shareOf(shape.in, sparsity) : shareOf(shape.out * shape.in, sparsity),
};
