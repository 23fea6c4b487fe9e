/** Our progress in the shape of the host's `progress_callback`, so that one listener serves both. */
import type { ProgressEvent, RunControl } from "../progress.js";

/** An event of ours among the host's. `name`, `file` and `progress` mean what they mean there. */
export interface PruneProgressInfo {
  readonly status: "prune";
  /** The model, as the user named it. */
  readonly name: string;
  /** `onnx/model.onnx` */
  readonly file: string;
  readonly stage: ProgressEvent["phase"];
  /** The weight or sample at hand. */
  readonly item: string;
  /** Share of the prune of this file, 0 … 100. */
  readonly progress: number;
  /** Steps done and steps in all of this stage. */
  readonly loaded: number;
  readonly total: number;
}

/** A listener of ours that calls the host's callback. */
export function toHostCallback(
  callback: ((event: never) => void) | null | undefined,
  model: string,
): RunControl["onProgress"] {
  if (typeof callback !== "function") return undefined;
  return ({ phase, file, done, total, item, percent }) =>
    callback({
      status: "prune",
      name: model,
      file: `onnx/${file}.onnx`,
      stage: phase,
      item,
      progress: percent,
      loaded: done,
      total,
    } satisfies PruneProgressInfo as never);
}
