/**
 * What an objective is: a cheap figure of a candidate that stands for what the judge will say of it.
 * Adding one is one file in objectives/ and one line in its table.
 */
import type { Candidate } from "./candidate.js";
import type { Subject } from "./subject.js";

/** One row of the table of objectives. */
export interface Objective {
  readonly summary: string;
  /** Where it comes from. */
  readonly source: string;
  /** Which values go with a low figure of the judge. */
  readonly better: "lower" | "higher";
  /**
   * Makes ready what does not depend on the candidate.
   *
   * @throws PruneError `unsupported` where the model does not allow it; the signal's reason when aborted
   */
  open(subject: Subject, signal?: AbortSignal): Promise<OpenObjective>;
}

/** An objective that is ready to measure candidates. Close it when done. */
export interface OpenObjective {
  /** @throws PruneError from the device and the runtime; the signal's reason when aborted */
  measure(candidate: Candidate, signal?: AbortSignal): Promise<number>;
  close(): Promise<void>;
}
