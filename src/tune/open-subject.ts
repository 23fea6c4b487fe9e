/**
 * Makes a model ready to be tuned: reads its weights and collects the statistics that all candidates
 * share. Statistics of later passes are those of the model that the method's untuned coefficients
 * pruned: which candidate pruned it changes them little, and what is accepted is measured for real.
 */
import { collectStatistics, type Samples, type TargetStatistics } from "../calibrate/index.js";
import type { Device } from "../compute/index.js";
import { type Plan, scoreMethod } from "../prune/index.js";
import type { Runtime, SessionOptions } from "../runtime/index.js";
import { methodOf } from "../score/index.js";
import { DenseWeights } from "./dense-weights.js";
import { MaskedWeights } from "./masked-weights.js";
import type { Subject } from "./subject.js";
import { weightEdits } from "./weight-edits.js";

export interface SubjectOptions {
  readonly plan: Plan;
  readonly runtime: Runtime;
  readonly sessionOptions: SessionOptions;
  readonly device: Device;
  readonly samples: Samples;
  /** Most passes that a candidate may have. */
  readonly passes: number;
  /** See `Subject`. */
  readonly tokens: readonly (readonly number[])[];
  readonly seed: number;
}

/**
 * @param onSample called with the pass (0, 1, …) and the samples done in it
 * @throws PruneError from calibration and the device; the signal's reason when aborted
 */
export async function openSubject(
  options: SubjectOptions,
  control: { readonly signal?: AbortSignal; readonly onSample?: (pass: number, done: number) => void } = {},
): Promise<Subject> {
  const { plan, runtime, sessionOptions, device, samples, tokens, seed } = options;
  const { signal, onSample } = control;
  const { model, targets, pattern } = plan;
  const method = scoreMethod(plan);
  const dense = await DenseWeights.read(targets, signal);
  const statistics: TargetStatistics[] = [];
  const masked = new MaskedWeights({ layers: plan.layers, device, dense, statistics });
  // Those of the dense model in any case: RIA and Wanda, which are compared with, need them.
  for (let pass = 0; pass < (plan.calibrated ? options.passes : 1); pass++) {
    const untuned = { method, pattern, coefficients: { all: methodOf(method).untuned }, passes: pass };
    const tensors = weightEdits(pass > 0 ? await masked.of(untuned, targets, signal) : new Map());
    const collectControl = { ...(signal && { signal }), onSample: (done: number) => onSample?.(pass, done) };
    const collected = { runtime, sessionOptions, edits: { tensors } };
    statistics.push(await collectStatistics(model, targets, samples, collected, collectControl));
  }
  return { plan, model, targets, runtime, sessionOptions, device, statistics, tokens, dense, masked, seed };
}
