/** What is wrong with a job whatever device it is for, and the errors that all devices tell alike. */
import { PruneError } from "../errors.js";
import { refusePattern } from "../pattern/index.js";
import { bytesOfRows } from "../tensor/codes.mjs";
import type { QuantisedCoding } from "../tensor/coding.js";
import { BYTES_PER_ELEMENT } from "../tensor/dtypes.js";
import { storedDims } from "../tensor/matrix.js";
import type { MaskJob } from "./device.js";

/**
 * Looks at all of a job but its bytes.
 *
 * @throws PruneError `bad-pattern`, `bad-model` (length of a file's range), `bad-statistics`
 */
export function checkJob(job: MaskJob): void {
  const { label, bytes, shape, terms, channelFactor, pattern } = job;
  const details = { weight: label };
  const refusal = refusePattern(pattern, shape);
  if (refusal !== null)
    throw new PruneError("bad-pattern", `weight "${label}" cannot take the pattern: ${refusal}`, { details });
  if (bytes.kind === "file") checkStored(job, null, bytes.byteLength);
  const coefficients = [terms.row, terms.column, terms.window, terms.one];
  const usable = (value: number) => Number.isFinite(value) && value >= 0;
  if (!coefficients.every(usable) || channelFactor.length !== shape.in || !channelFactor.every(usable))
    throw new PruneError(
      "bad-statistics",
      `weight "${label}" needs coefficients and ${shape.in} channel factors that are finite and not negative, ` +
        `found coefficients ${coefficients.join(", ")} and ${channelFactor.length} factors, ` +
        `${channelFactor.filter((f) => !usable(f)).length} of them unusable; look at the calibration samples`,
      { details },
    );
}

/**
 * Holds the number of stored bytes against the shape.
 *
 * @param coding null where floats are stored
 * @throws PruneError `bad-model`
 */
export function checkStored(
  { label, shape, order, dtype }: Pick<MaskJob, "label" | "shape" | "order" | "dtype">,
  coding: QuantisedCoding | null,
  found: number,
): void {
  const [rows, columns] = storedDims(shape, order);
  const expected =
    coding === null ? rows * columns * BYTES_PER_ELEMENT[dtype] : bytesOfRows(coding, columns, 0, rows).end;
  if (found === expected) return;
  const stored = coding === null ? dtype : "codes";
  throw new PruneError(
    "bad-model",
    `weight "${label}" of shape [${shape.out}, ${shape.in}] in ${stored} needs ${expected} bytes, found ${found}`,
    { details: { weight: label, expected, found } },
  );
}

/** Values that are NaN or Inf: how many, and where the first is, by output row, then input channel. */
export interface BadValues {
  readonly count: number;
  readonly out: number;
  readonly in: number;
}

/** The error of a weight that holds NaN or Inf. */
export const badValuesError = (label: string, { count, out, in: channel }: BadValues): PruneError =>
  new PruneError(
    "bad-weight",
    `weight "${label}" holds ${count} values that are NaN or Inf, the first at output row ${out}, ` +
      `input channel ${channel}; repair the model or exclude the weight`,
    { details: { weight: label, count, out, in: channel } },
  );

/** The error of a weight whose stored bytes cannot be read. */
export const unreadableError = (label: string, cause: Error): PruneError =>
  new PruneError(
    "bad-external-data",
    `the bytes of weight "${label}" cannot be read: ${cause.message}; load the model again`,
    { details: { weight: label }, cause },
  );

/**
 * The error of a device that failed, or cannot do what it was asked to.
 *
 * @param found a clause; `remedy` an imperative
 */
export function deviceError(
  device: string,
  { label, shape }: Pick<MaskJob, "label" | "shape">,
  found: string,
  remedy: string,
  cause?: unknown,
): PruneError {
  return new PruneError(
    "device",
    `the ${device} device has no mask of weight "${label}", shape [${shape.out}, ${shape.in}]: ${found}; ${remedy}`,
    { details: { weight: label }, cause },
  );
}

/** What an error says, whatever was thrown. */
export const describeError = (error: unknown): string => (error instanceof Error ? error.message : String(error));
