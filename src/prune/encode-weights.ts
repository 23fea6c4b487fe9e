/**
 * How the pruned weights of a file are stored: zeros like any other value, or packed where that
 * makes a weight smaller. Decided from masks and codings, before a weight is read.
 */
import type { Target } from "../graph/index.js";
import type { ModelEdits, WriteOptions } from "../onnx/index.js";
import type { Encoding } from "../options/types.js";
import type { WeightReport } from "../report.js";
import type { Plan } from "./plan.js";
import { type PrunedWeights, prunedEdits } from "./updated.js";

/** A file with its weights encoded. */
export interface EncodedWeights {
  readonly edits: ModelEdits;
  /** Where its data goes: packed weights change their length, so data files are laid out anew. */
  readonly external: NonNullable<WriteOptions["external"]>;
  /** How each weight is stored; empty where all are dense because that was asked for. */
  readonly stored: ReadonlyMap<Target, NonNullable<WeightReport["stored"]>>;
}

/**
 * The edits that write a file's weights in an encoding.
 *
 * @param onZeros hears how many zeros stand in a weight, as it passes
 * @throws PruneError `unsupported` where the model is too old to be packed; `bad-model` or `bad-external-data`
 *   where scales or zero points cannot be read
 */
export async function encodeWeights(
  plan: Plan,
  pruned: PrunedWeights,
  encoding: Encoding,
  onZeros?: (target: Target, zeros: number) => void,
): Promise<EncodedWeights> {
  switch (encoding) {
    case "dense":
      return { edits: prunedEdits(pruned, onZeros), external: "auto", stored: new Map() };
    case "packed":
      return (await import("./pack-weights.js")).packWeights(plan, pruned, onZeros);
    default:
      return encoding satisfies never;
  }
}
