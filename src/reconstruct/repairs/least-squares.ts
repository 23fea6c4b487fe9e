/** The repair "least-squares": the best values under the mask that a weight has, whatever method chose it. */
import type { UpdatedWeight, WeightJob } from "../job.js";
import { leastSquares, type MomentProduct } from "../least-squares.js";

/**
 * `updated` with the values that minimise the calibration error under its mask; no row's error rises. Values leave
 * the grid of a quantised weight: the caller rounds them onto it again.
 *
 * @throws the signal's reason
 */
export async function repairByLeastSquares(
  job: WeightJob,
  { values: start, kept }: UpdatedWeight,
  input: MomentProduct,
  options: { readonly damping: number; readonly signal?: AbortSignal | undefined },
): Promise<UpdatedWeight> {
  const problem = { shape: job.shape, dense: job.values, start, kept };
  const { values } = await leastSquares(problem, input, { iterations: 50, tolerance: 1e-3, ...options });
  return { values, kept };
}
