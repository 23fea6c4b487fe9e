/**
 * DSnoT (Zhang et al., Dynamic Sparse No Training, arXiv 2310.08915): weights stay, the mask is refined by the mean
 * and the variance of each channel alone. The mean output that an output row has lost, e = Σ over pruned of W_ij E[X_j],
 * is brought towards 0 by exchanges: the pruned weight that gives back most of it per variance returns, and the
 * kept weight of lowest |W_ij| ‖X_j‖ whose going gives back the rest goes.
 */
import { Pauses } from "../linalg/pauses.js";
import type { Pattern } from "../pattern/index.js";
import { checkJob } from "./check-job.js";
import type { UpdatedWeight, WeightJob } from "./job.js";
import type { LayerInput } from "./layer-input.js";

/** How long masks are refined. */
export interface DsnotSettings {
  /** Exchanges that an output row makes at most; 50 in the paper. */
  readonly cycles: number;
  /** Lost mean output of a row, in its own unit, that is left alone; 0.1 in the paper. */
  readonly threshold: number;
}

/** What is known of a layer's channels. */
interface Channels {
  /** E[x], [in] */
  readonly means: Float64Array;
  /** 1 / Var[x]; 0 where a channel does not vary, so that it returns last. [in] */
  readonly perVariance: Float64Array;
  /** √Σx², [in] */
  readonly norms: Float64Array;
}

/**
 * Refines the job's mask; every row, or group of N:M, keeps as many weights as before, and no row's lost mean output
 * grows. An exchange that would make it grow is not made, and ends the row as a change of its sign does.
 *
 * @throws RangeError where the job has no mask to start from
 * @throws PruneError `bad-weight` where a value is not finite, `unsupported` where groups are not of consecutive
 *   channels; the signal's reason
 */
export async function dsnot(job: WeightJob, input: LayerInput, settings: DsnotSettings): Promise<UpdatedWeight> {
  checkJob(job, input, { choosesMask: true });
  const { values, shape, pattern, label } = job;
  if (job.kept === null) throw new RangeError(`Weight "${label}" has no mask to exchange weights of.`);
  const kept = job.kept.slice();
  const channels = channelsOf(input);
  const pauses = new Pauses(input.options.signal);
  for (let start = 0; start < values.length; start += shape.in) {
    const end = start + shape.in;
    refine(values.subarray(start, end), kept.subarray(start, end), channels, pattern, settings);
    await pauses.between();
  }
  // Plus 0, because a negative weight times 0 is −0.
  return { values: values.map((value, k) => value * (kept[k] as number) + 0), kept };
}

function channelsOf(input: LayerInput): Channels {
  const { sum, tokens } = input.moments;
  const diagonal = input.diagonal();
  const means = sum.map((each) => each / tokens);
  return {
    means,
    perVariance: diagonal.map((squares, j) => {
      const square = (means[j] as number) ** 2;
      const variance = squares / tokens - square;
      // A difference of equals is rounding.
      return variance > 1e-12 * square ? 1 / variance : 0;
    }),
    norms: diagonal.map(Math.sqrt),
  };
}

/** Exchanges weights of one row. @param kept changed */
function refine(
  values: Float32Array,
  kept: Uint8Array,
  { means, perVariance, norms }: Channels,
  pattern: Pattern,
  { cycles, threshold }: DsnotSettings,
): void {
  const size = pattern.kind === "n:m" ? pattern.of : values.length;
  const outputs = values.map((value, j) => value * (means[j] as number));
  let lost = outputs.reduce((sum, output, j) => sum + (kept[j] === 1 ? 0 : output), 0);
  const sign = Math.sign(lost);
  for (let cycle = 0; cycle < cycles && lost * sign > threshold; cycle++) {
    const swap = nextSwap();
    if (swap === null) return;
    const after = lost - (outputs[swap.restored] as number) + (outputs[swap.removed] as number);
    if (Math.abs(after) >= Math.abs(lost)) return;
    kept[swap.restored] = 1;
    kept[swap.removed] = 0;
    lost = after;
  }

  /** The exchange that is next in order, among those whose parts both bring the row nearer to 0. */
  function nextSwap(): { restored: number; removed: number } | null {
    let [best, restored, removed] = [0, -1, -1];
    for (let first = 0; first < values.length; first += size) {
      const goes = cheapest(first);
      if (goes < 0) continue;
      for (let p = first; p < first + size; p++) {
        const gain = kept[p] === 1 ? 0 : sign * (outputs[p] as number) * (perVariance[p] as number);
        if (gain > best) [best, restored, removed] = [gain, p, goes];
      }
    }
    return restored < 0 ? null : { restored, removed };
  }

  /** The kept weight of a group with the lowest |W| ‖X‖ whose going brings the row nearer to 0, or −1. */
  function cheapest(first: number): number {
    let [lowest, found] = [Number.POSITIVE_INFINITY, -1];
    for (let u = first; u < first + size; u++) {
      if (kept[u] === 0 || sign * (outputs[u] as number) >= 0) continue;
      const cost = Math.abs(values[u] as number) * (norms[u] as number);
      if (cost < lowest) [lowest, found] = [cost, u];
    }
    return found;
  }
}
