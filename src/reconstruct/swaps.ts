/**
 * SparseSwaps (arXiv 2512.10922): weights stay, the mask is refined. In every output row the one exchange of a kept
 * for a pruned weight that lowers ‖(w − w')X‖² most is made, again and again, until none lowers it.
 *
 * With r the pruned part of the row, G = XXᵀ and q = G r, exchanging kept u for pruned p changes the error by
 * a_u + a_p − 2 w_u w_p G_up, where a_u = 2 w_u q_u + w_u² G_uu and a_p = −2 w_p q_p + w_p² G_pp; after it
 * q += w_u G_u − w_p G_p.
 */
import { Pauses } from "../linalg/pauses.js";
import { free } from "../tensor/free.js";
import { checkJob } from "./check-job.js";
import type { UpdatedWeight, WeightJob } from "./job.js";
import type { LayerInput } from "./layer-input.js";
import { anywhere, inGroups, type Row, type SwapSearch } from "./swap-search.js";

/** How long masks are refined. */
export interface SwapsSettings {
  /** Exchanges that an output row makes at most. */
  readonly rounds: number;
}

/** An exchange that gains less than this share of the row's first error is no gain: float32 moments know no better. */
const LEAST_GAIN = 1e-6;

/**
 * Refines the job's mask; every row, or group of N:M, keeps as many weights as before.
 *
 * @throws RangeError where the job has no mask to start from
 * @throws PruneError `bad-weight` where a value is not finite, `unsupported` where groups are not of consecutive
 *   channels; the signal's reason
 */
export async function swaps(job: WeightJob, input: LayerInput, { rounds }: SwapsSettings): Promise<UpdatedWeight> {
  checkJob(job, input, { choosesMask: true });
  const { values, shape, pattern, label } = job;
  const { in: channels } = shape;
  if (job.kept === null) throw new RangeError(`Weight "${label}" has no mask to exchange weights of.`);
  const kept = job.kept.slice();
  const moments = input.product();
  const removed = values.map((value, k) => value * (1 - (kept[k] as number)));
  const { values: outputs } = await input.products.multiply(
    { rows: shape.out, columns: channels, values: removed },
    moments,
  );
  const search = pattern.kind === "n:m" ? inGroups(moments, pattern.of) : anywhere(moments);
  const pauses = new Pauses(input.options.signal);
  for (let start = 0; start < values.length; start += channels) {
    const of = <Values extends Float32Array | Uint8Array>(all: Values) =>
      all.subarray(start, start + channels) as Values;
    refine({ values: of(values), kept: of(kept), outputs: Float64Array.from(of(outputs)) }, search, rounds);
    await pauses.between();
  }
  free(removed, outputs);
  // Plus 0, because a negative weight times 0 is −0.
  return { values: values.map((value, k) => value * (kept[k] as number) + 0), kept };
}

/** Makes the best exchange of a row until there is none. */
function refine(row: Row, search: SwapSearch, rounds: number): void {
  const { values, kept, outputs } = row;
  let error = 0;
  for (let j = 0; j < values.length; j++)
    error += (values[j] as number) * (1 - (kept[j] as number)) * (outputs[j] as number);
  // What a row without error could gain is rounding.
  if (!(error > 0)) return;
  search.enter(row);
  for (let round = 0; round < rounds; round++) {
    const best = search.best(-LEAST_GAIN * error);
    if (best === null) return;
    const { removed, restored } = best;
    kept[removed] = 0;
    kept[restored] = 1;
    const [out, back] = [values[removed] as number, values[restored] as number];
    const [lost, won] = [search.momentsOf(removed), search.momentsOf(restored)];
    for (let j = 0; j < outputs.length; j++)
      outputs[j] = (outputs[j] as number) + out * (lost[j] as number) - back * (won[j] as number);
  }
}
