/**
 * One factor for every output row, a = (w G w') / (w' G w') with G = XᵀX: the exact minimiser of ‖(w − a w')X‖². It
 * goes into the row's weights, so zeros stay zeros and the graph stays as it is.
 */
import { free } from "../../tensor/free.js";
import type { Shape } from "../../tensor/matrix.js";
import type { MomentProduct } from "../least-squares.js";

export interface ScaleProblem {
  readonly shape: Shape;
  /** W and W', [out, in]. */
  readonly dense: Float32Array;
  readonly pruned: Float32Array;
}

/** Below this share of a row's energy a factor's gain is rounding, and the row is left alone. */
const LEAST_GAIN = 1e-7;

/**
 * Factors of the output rows, [out]; 1 where a row computes nothing or nothing is to be gained.
 */
export async function rowScales({ shape, dense, pruned }: ScaleProblem, input: MomentProduct): Promise<Float64Array> {
  const left = { rows: shape.out, columns: shape.in, values: pruned };
  const image = (await input.products.multiply(left, input.product())).values;
  const scales = new Float64Array(shape.out).fill(1);
  for (let o = 0, k = 0; o < shape.out; o++) {
    let cross = 0;
    let own = 0;
    for (let i = 0; i < shape.in; i++, k++) {
      cross += (dense[k] as number) * (image[k] as number);
      own += (pruned[k] as number) * (image[k] as number);
    }
    if (!(own > 0)) continue;
    // The error falls by (a − 1)² · w' G w' against a factor of 1.
    const scale = cross / own;
    if ((scale - 1) ** 2 > LEAST_GAIN) scales[o] = scale;
  }
  free(image);
  return scales;
}

/** W' with every row multiplied by its factor, rounded once to float32, [out, in]. */
export function scaleRows(pruned: Float32Array, scales: Float64Array): Float32Array {
  const columns = pruned.length / scales.length;
  // A zero stays the zero without a sign.
  return pruned.map((w, k) => (w === 0 ? 0 : w * (scales[Math.floor(k / columns)] as number)));
}
