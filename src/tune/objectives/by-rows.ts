/**
 * The common course of objectives that look at weights only: every candidate scores and prunes the
 * sampled rows of one weight after the other, and the mean of a figure over the weights is taken. A
 * form says which weights and which figure.
 */
import { PruneError } from "../../errors.js";
import type { Target } from "../../graph/index.js";
import type { Objective } from "../objective.js";
import { type PrunedRows, type SampledRows, sampledRowsOf } from "../sampled-rows.js";
import type { Subject } from "../subject.js";

/** Milliseconds after which other work of the process gets a turn: progress, an interrupt by the user. */
const LONGEST_TURN = 50;

/** A figure of a candidate as a weighted mean over weights. */
export interface RowForm {
  readonly targets: readonly Target[];
  /** How much a weight counts in the mean. */
  readonly share: (target: Target) => number;
  /** The figure of one weight. */
  readonly figure: (target: Target, pruned: PrunedRows) => number;
}

/** An objective's `open` from a form of it. */
export function byRows(
  formOf: (subject: Subject, rows: SampledRows, signal?: AbortSignal) => RowForm | Promise<RowForm>,
): Objective["open"] {
  return async (subject, signal) => {
    refusePermuted(subject);
    const rows = sampledRowsOf(subject);
    const { targets, share, figure } = await formOf(subject, rows, signal);
    await inTurns(targets, signal, (target) => rows.weightOf(target));
    return {
      measure: async (candidate, signal) => {
        let [sum, shares] = [0, 0];
        await inTurns(targets, signal, (target) => {
          const own = share(target);
          sum += own * figure(target, rows.prune(target, candidate));
          shares += own;
        });
        return shares > 0 ? sum / shares : 0;
      },
      close: async () => {},
    };
  };
}

/** Which channels form a group is the device's choice, for the weight as a whole. @throws PruneError `unsupported` */
function refusePermuted({ plan: { pattern }, model }: Subject): void {
  if (pattern.kind !== "n:m" || !pattern.permute) return;
  throw new PruneError(
    "unsupported",
    `${model.onnx.name}: objectives that look at sampled rows do not know groups of permuted channels; ` +
      "tune with an objective that runs the model (kl, hidden-drift)",
    { details: { file: model.onnx.name } },
  );
}

/**
 * Does something for each item, and lets other work go first now and then: otherwise a search with cheap
 * objectives would never hear that it was aborted.
 *
 * @throws the signal's reason when aborted
 */
async function inTurns<T>(items: readonly T[], signal: AbortSignal | undefined, act: (item: T) => void): Promise<void> {
  let since = Number.NEGATIVE_INFINITY;
  for (const item of items) {
    if (performance.now() - since > LONGEST_TURN) {
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      since = performance.now();
    }
    act(item);
  }
}
