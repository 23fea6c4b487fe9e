/**
 * What a weight update is told of one weight, and what it gives back. No ONNX here and no files: values, masks
 * and moments as plain arrays, so that every update is a function of numbers.
 */
import type { Pattern } from "../pattern/index.js";
import type { Grid } from "../tensor/grid.js";
import type { Shape } from "../tensor/matrix.js";

/** One weight to be updated. */
export interface WeightJob {
  /** The weight's name, for errors and notes. */
  readonly label: string;
  readonly shape: Shape;
  /** What the pruned layer is to stand for, [out, in]; not to be written to. */
  readonly values: Float32Array;
  readonly pattern: Pattern;
  /** The method's mask, one byte a weight, [out, in], 1 stays; null where the update chooses its own. */
  readonly kept: Uint8Array | null;
  /** The values that the weight's codes can stand for; null where it is stored as floats. */
  readonly grid: Grid | null;
}

/** A weight after an update. */
export interface UpdatedWeight {
  /** [out, in]; 0 wherever `kept` is 0. */
  readonly values: Float32Array;
  /** One byte a weight, [out, in], 1 stays; exactly as many as the pattern says. */
  readonly kept: Uint8Array;
}
