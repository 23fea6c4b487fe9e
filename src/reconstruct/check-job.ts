/** What every update asks of a job before it begins, so that none of them runs on numbers that mean nothing. */
import { PruneError } from "../errors.js";
import { describePattern } from "../pattern/index.js";
import type { WeightJob } from "./job.js";
import type { LayerInput } from "./layer-input.js";

/**
 * Looks whether values, mask and moments belong together.
 *
 * @param options.choosesMask whether the update decides which weights stay, of whichever groups the pattern has
 * @throws PruneError `bad-weight` where a value is not finite, `unsupported` where masks would have to be chosen in
 *   groups that are not of consecutive channels
 * @throws RangeError where sizes do not fit
 */
export function checkJob(
  { label, shape, values, kept, pattern }: WeightJob,
  { moments }: LayerInput,
  { choosesMask }: { readonly choosesMask: boolean },
): void {
  const size = shape.out * shape.in;
  if (values.length !== size || (kept !== null && kept.length !== size) || moments.channels !== shape.in)
    throw new RangeError(
      `Weight "${label}" of ${shape.out} × ${shape.in} got ${values.length} values, ` +
        `${kept?.length ?? "no"} mask bytes and moments of ${moments.channels} channels.`,
    );
  // A sum is finite where all values are, and reading them is all it costs; a sum that overflows is looked into.
  let sum = 0;
  for (let k = 0; k < size; k++) sum += values[k] as number;
  const wrong = Number.isFinite(sum) ? -1 : values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0)
    throw new PruneError(
      "bad-weight",
      `Weight "${label}" has the value ${values[wrong]} at output row ${Math.floor(wrong / shape.in)}, input channel ` +
        `${wrong % shape.in}, where a finite number was expected; repair the model, or exclude the weight.`,
      { details: { weight: label } },
    );
  if (choosesMask && pattern.kind === "n:m" && pattern.permute)
    throw new PruneError(
      "unsupported",
      `Weight "${label}" was to get a mask of pattern ${describePattern(pattern)} by an update that chooses weights in ` +
        "groups of consecutive channels; leave out permute, or use an update that keeps the mask of the method.",
      { details: { weight: label } },
    );
}
