/**
 * The values that stored codes can stand for, as something to round to: a weight that is updated stays on the
 * grid of its own scales and zeros, and nothing is quantised anew.
 */

/** Rounds values of a weight to those that its codes can stand for. */
export interface Grid {
  /** Rounds channel `i` of all output rows, in place. @param values [out] */
  readonly roundChannel: (i: number, values: Float32Array) => void;
}
