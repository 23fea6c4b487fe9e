/**
 * Progress on stderr: bars on a terminal, plain lines elsewhere, nothing when quiet. Both show the
 * phase, step i of n, what the step was, and the share of the whole.
 */
import type { ProgressEvent } from "../progress.js";
import type { Io } from "./io.js";
import { ProgressBars } from "./progress-bars.js";
import { ProgressLines } from "./progress-lines.js";

/** Something that shows progress. */
export interface ProgressView {
  /** @param label the phase, with file or model where there are several */
  show(label: string, event: ProgressEvent): void;
  /** Leaves the terminal as it was. Nothing is shown afterwards. */
  stop(): void;
}

const SILENT: ProgressView = { show: () => {}, stop: () => {} };

/** The view that fits where stderr goes. */
function progressView(io: Io, quiet: boolean): ProgressView {
  if (quiet) return SILENT;
  return io.stderr.isTTY === true && io.env.TERM !== "dumb"
    ? new ProgressBars(io.stderr)
    : new ProgressLines(io.stderr);
}

/** Makes listeners for `onProgress`. `of` names which of several tasks the progress is about. */
export type ListenerOf = (of?: string) => (event: ProgressEvent) => void;

/** Shows the progress of `work` and cleans up when it ends, however it ends. */
export async function withProgress<T>(
  io: Io,
  quiet: boolean,
  work: (listenerOf: ListenerOf) => Promise<T>,
): Promise<T> {
  const view = progressView(io, quiet);
  try {
    return await work((of) => (event) => view.show(labelOf(event, of), event));
  } finally {
    view.stop();
  }
}

/** `mask`, `mask decoder_model_merged`, `evaluate pruned`. Most models have one file, called model: that goes without saying. */
function labelOf({ phase, file }: ProgressEvent, of: string | undefined): string {
  return [phase, of, /^model(_|$)/.test(file) ? undefined : file].filter(Boolean).join(" ");
}
