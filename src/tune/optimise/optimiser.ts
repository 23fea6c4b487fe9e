/**
 * What an optimiser is: something that is asked for points of the unit cube and told how good they
 * are. The caller keeps the loop, so it decides when to stop, evaluates in parallel if it likes, and
 * saves a checkpoint whenever it wants. Nothing in this folder knows what a point means.
 */

/** One dimension of the unit cube. */
export interface Dimension {
  /** Number of equally spaced values 0, 1/(levels−1), …, 1, at least 2; null where every number of [0, 1] is allowed. */
  readonly levels: number | null;
}

export interface OptimiserOptions {
  /** At least one. */
  readonly dimensions: readonly Dimension[];
  /** A whole number, 0 … 2^53 − 1. The same seed and the same values give the same points. */
  readonly seed: number;
  /** First guess, a point of the cube; it is the first point asked. Discrete coordinates move to their nearest level. */
  readonly start?: readonly number[];
  /** Initial step (for CMA-ES a standard deviation) as a share of the cube's side, above 0 and at most 1; default 0.3. */
  readonly step?: number;
}

/** A point and how good it is. */
export interface Evaluated {
  /** [n], 0 … 1, discrete coordinates on their levels. */
  readonly point: readonly number[];
  /** Finite; lower is better. */
  readonly value: number;
}

export interface Optimiser {
  /**
   * Points to evaluate next, each [n], 0 … 1, discrete coordinates on their levels. Empty once the
   * search has converged for good. Asking again before telling gives the same points.
   */
  ask(): readonly (readonly number[])[];
  /**
   * Objective values of the points of the last `ask`, in its order. Lower is better; a value that is
   * NaN or infinite counts as worst.
   *
   * @throws PruneError `bad-option` where nothing was asked or the number of values is not that of the points
   */
  tell(values: readonly number[]): void;
  /** The best point told so far, the earliest among equals; null before the first finite value. */
  readonly best: Evaluated | null;
  /**
   * Everything that decides the later points, as data that survives JSON. May be taken at any time;
   * points asked but not told are asked again by the optimiser that is made from it.
   */
  checkpoint(): unknown;
}

/** One row of the table of optimisers. */
export interface OptimiserForm {
  readonly summary: string;
  /** Where the algorithm comes from. */
  readonly source: string;
  /**
   * @param checkpoint of an optimiser of this form with the same options; the new one goes on where that one was
   * @throws PruneError `bad-option` or `unknown-option` for options that make no sense or a checkpoint that does not fit
   */
  readonly create: (options: OptimiserOptions, checkpoint?: unknown) => Optimiser;
}
