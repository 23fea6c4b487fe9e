/**
 * The shapes zeros can take. A pattern says in which groups scores compete and how many of each
 * group stay; `compute/` selects by rank, so the number of zeros is known before anything runs.
 * Adding a pattern: one file that exports a `PatternForm`, one line in `PATTERN_FORMS` (index.ts).
 */
import type { Shape } from "../tensor/matrix.js";

/** Where scores compete in an unstructured pattern: within each output row, or within the matrix. */
export type Scope = "row" | "matrix";

/** Share `sparsity` (0 … 1) of the weights goes, wherever the scores are lowest. */
export interface Unstructured {
  readonly kind: "unstructured";
  readonly sparsity: number;
  readonly scope: Scope;
}

/**
 * `keep` of every group of `of` input channels stay, in every output row (2:4 keeps 2 of 4). Groups
 * are consecutive channels, or where `permute` is set whichever partition of the weight's channels
 * lets the highest scores stay: one for all output rows of a weight, chosen by the device.
 */
export interface NofM {
  readonly kind: "n:m";
  readonly keep: number;
  readonly of: number;
  readonly permute: boolean;
}

export type Pattern = Unstructured | NofM;

/** What one kind of pattern can say of itself. */
export interface PatternForm<P extends Pattern> {
  readonly kind: P["kind"];
  /** One line for help texts. */
  readonly summary: string;
  /** In a few words, as a user would write it: `"2:4"`, `"2:4 permuted"`, `"50% by row"`. */
  readonly describe: (pattern: P) => string;
  /** Why a weight of this shape cannot take the pattern and what would help, or null where it can. */
  readonly refuse: (pattern: P, shape: Shape) => string | null;
  /** Exactly how many weights of this shape become zero. */
  readonly prunedCount: (pattern: P, shape: Shape) => number;
}
