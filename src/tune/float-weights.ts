/**
 * The tuner works on weights that are stored as floats: candidates are masked in memory and fed to the
 * runtime as they are. A quantised file needs no tuning of its own: coefficients of its float file serve
 * the whole family.
 */
import { PruneError } from "../errors.js";
import { describeCoding, type Target } from "../graph/index.js";
import type { FloatType } from "../tensor/dtypes.js";

/** The type of a weight's floats. */
export function floatTypeOf({ coding, name }: Pick<Target, "coding" | "name">): FloatType {
  if (coding.kind !== "float") throw new TypeError(`"${name}" is not stored as floats`);
  return coding.dtype;
}

/**
 * Refuses models with quantised weights.
 *
 * @throws PruneError `unsupported` that names the first of them
 */
export function refuseCodes(targets: readonly Target[], file: string): void {
  const quantised = targets.find(({ coding }) => coding.kind !== "float");
  if (quantised === undefined) return;
  const { name, coding, shape, order } = quantised;
  throw new PruneError(
    "unsupported",
    `${file}: weight "${name}" is stored as ${describeCoding(coding, shape, order)}; only float weights are tuned: ` +
      "tune the model's fp32 or fp16 file, whose coefficients are then found for its quantised files by their family",
    { details: { file, weight: name } },
  );
}
