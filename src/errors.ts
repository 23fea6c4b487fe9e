/**
 * The one error type of the package. Every failure that a user can cause or repair ends in a
 * `PruneError`: its `code` comes from a closed list (programs switch on it), its sentence says
 * where, what was expected, what was found and what to do, and `details` holds the same as data.
 */

/** What went wrong, for programs. The sentence for people is `message`. */
export type PruneErrorCode =
  /** An option has a value outside what it allows. */
  | "bad-option"
  /** An option, method, preset or file key that does not exist; the message names the nearest one. */
  | "unknown-option"
  /** A weight cannot take the pattern asked for (for example 2:4 on an odd number of channels). */
  | "bad-pattern"
  /** The ONNX bytes are not a model: truncated, overlong, too deep, inconsistent. */
  | "bad-model"
  /** A graph that no runtime could run: duplicate names, a cycle, a missing value. */
  | "bad-graph"
  /** External data is missing, too short, or lies outside the model's folder. */
  | "bad-external-data"
  /** A weight holds NaN or Inf. */
  | "bad-weight"
  /** Calibration has no samples, cannot be fed to this model, or left a weight without tokens. */
  | "bad-calibration"
  /** Statistics that are NaN or Inf. */
  | "bad-statistics"
  /** Nothing in the model can be pruned, or no weight is left after include and exclude. */
  | "no-targets"
  /** The model has a form that is known but not supported; the message names it. */
  | "unsupported"
  /** The model, tokenizer or runtime could not be found or loaded. */
  | "not-found"
  /** The disk is full, a folder cannot be written, a lock cannot be had. */
  | "storage"
  /** The device that computes masks failed. */
  | "device";

/** Facts of a `PruneError`, for programs and reports: file, node, weight, expected, found, … */
export type PruneErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** An error that names the place, the expectation, the finding and the remedy. */
export class PruneError extends Error {
  override readonly name = "PruneError";
  /** Closed set, see {@link PruneErrorCode}. */
  readonly code: PruneErrorCode;
  readonly details: PruneErrorDetails;

  /**
   * @param code which kind of failure
   * @param message where, expected, found, remedy, in one sentence or two
   * @param options `details` as data; `cause` when another error led here
   */
  constructor(code: PruneErrorCode, message: string, options: { details?: PruneErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}
