/**
 * What every long function takes last: a signal to stop it and a listener for its progress.
 * Events are plain data; hook/ turns them into the host's `progress_callback` shape and cli/
 * into bars or lines. Nothing else in the package prints.
 */

/** The phases of a prune, in order. `load` and `cache` are what the user waits for beside the work. */
export type Phase =
  | "read"
  | "calibrate"
  | "mask"
  | "update"
  | "write"
  | "cache"
  | "load"
  | "evaluate"
  | "study"
  | "search";

/** One step of a long task. */
export interface ProgressEvent {
  readonly phase: Phase;
  /** Session file this is about, without folder and extension: `model`, `decoder_model_merged`, … */
  readonly file: string;
  /** Steps done in this phase, 0 … `total`. */
  readonly done: number;
  /** Steps of this phase: samples, weights or bytes. */
  readonly total: number;
  /** What the step was: a weight's name, a sample's number; empty where there is nothing to name. */
  readonly item: string;
  /** Share of the whole prune that is done, 0 … 100, never falling. */
  readonly percent: number;
}

/** Stop it, and hear of it. */
export interface RunControl {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined;
}
