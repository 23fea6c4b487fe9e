/**
 * The model under the tuner's hands, with all that objectives may look at: its dense weights, its
 * statistics, a few tokens, and masks of candidates. What is dear is made once and shared.
 */
import type { TargetStatistics } from "../calibrate/index.js";
import type { Device } from "../compute/index.js";
import type { Model, Target } from "../graph/index.js";
import type { Plan } from "../prune/index.js";
import type { Runtime, SessionOptions } from "../runtime/index.js";
import type { DenseWeights } from "./dense-weights.js";
import type { MaskedWeights } from "./masked-weights.js";

/** Everything that is the same for all candidates. */
export interface Subject {
  /** The model file; its method and pattern are those that are tuned. */
  readonly plan: Plan;
  readonly model: Model;
  /** The weights to prune, in file order. */
  readonly targets: readonly Target[];
  readonly runtime: Runtime;
  readonly sessionOptions: SessionOptions;
  readonly device: Device;
  /** Statistics by pass: [0] of the dense model, [1] of the model that one pass has pruned, … */
  readonly statistics: readonly TargetStatistics[];
  /** Token ids for objectives that run the model: equally long windows, [windows][length]. */
  readonly tokens: readonly (readonly number[])[];
  readonly dense: DenseWeights;
  readonly masked: MaskedWeights;
  /** Seed of whatever an objective samples. */
  readonly seed: number;
}
