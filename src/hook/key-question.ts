/** What is known of a load when the key of a result is asked for. */
import type { ModelFile, Plan } from "../prune/index.js";

/** A plan whose result is looked up. */
export interface KeyQuestion {
  readonly plan: Plan;
  /** Whether calibration runs the model's other sessions too. */
  readonly needsSiblings: boolean;
  /** Session files that the host has opened for this model, as far as it has. */
  readonly files: readonly ModelFile[];
  /** Loads the model's tokenizer. */
  readonly tokenizer: () => Promise<unknown>;
  /** Text of a file beside the model's config, by its name; null where there is none, or where nobody knows where to look. */
  readonly sideFile: (name: string) => Promise<string | null>;
}
