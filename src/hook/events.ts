/** Our progress in the shape of the host's `progress_callback`, so that one listener serves both. */
import type { ProgressEvent, RunControl } from "../progress.js";
import type { host } from "./host.js";

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
  /** Share of the prune of this file, 0 … 100, never falling. */
  readonly progress: number;
  /** Steps done and steps in all of this stage. */
  readonly loaded: number;
  readonly total: number;
}

/**
 * The host's `progress_callback`, which also hears of pruning: switch on `status`. (Declared as a
 * method, because then a callback that knows only the host's events is accepted too.)
 */
export type PruneProgressCallback = { callback(info: host.ProgressInfo | PruneProgressInfo): void }["callback"];

/** A listener of ours that calls the host's callback. */
export function toHostCallback(
  callback: PruneProgressCallback | null | undefined,
  model: string,
  subfolder = "onnx",
): RunControl["onProgress"] {
  if (typeof callback !== "function") return undefined;
  const folder = subfolder === "" ? "" : `${subfolder}/`;
  return ({ phase, file, done, total, item, percent }) =>
    callback({
      status: "prune",
      name: model,
      file: `${folder}${file}.onnx`,
      stage: phase,
      item,
      progress: percent,
      loaded: done,
      total,
    });
}

/** A callback that does not hear `ready`: what is loaded only to be calibrated is not what the user waits for. */
export function withoutReady(callback: PruneProgressCallback | null | undefined): PruneProgressCallback | null {
  if (typeof callback !== "function") return null;
  return (info) => {
    if (info.status !== "ready") callback(info);
  };
}
