/**
 * Output bias from what pruning took away on average: every neuron's mean output becomes what it was. The exact
 * minimiser of the calibration error over the bias alone. (The compensation of FLAP, arXiv 2312.11983 §3.3, and of
 * STADE, arXiv 2503.22451; computed from the dense weight, before it is overwritten.)
 */
import type { Shape } from "../../tensor/matrix.js";

export interface BiasProblem {
  readonly shape: Shape;
  /** W and W', [out, in]. */
  readonly dense: Float32Array;
  readonly pruned: Float32Array;
  /** Mean of every input channel of the dense layer, [in]. */
  readonly mean: Float64Array;
  /** Mean of every input channel of the pruned one, where it differs because a norm before it changed, [in]. */
  readonly prunedMean?: Float64Array;
}

/**
 * What is to be added to the output: W · mean − W' · prunedMean, [out], summed in float64. In units of the output.
 */
export function biasShift({ shape, dense, pruned, mean, prunedMean = mean }: BiasProblem): Float64Array {
  const shift = new Float64Array(shape.out);
  for (let o = 0, k = 0; o < shape.out; o++) {
    let sum = 0;
    for (let i = 0; i < shape.in; i++, k++)
      sum += (dense[k] as number) * (mean[i] as number) - (pruned[k] as number) * (prunedMean[i] as number);
    shift[o] = sum;
  }
  return shift;
}
