/**
 * Second moments of a whole model at once: one session, all samples through it. All [in, in] numbers are in
 * memory together; where that is too much, walk-groups.ts goes through the model group by group.
 */
import type { Model, Target } from "../graph/index.js";
import { type CollectControl, type CollectOptions, runSamples } from "./collect.js";
import { MomentCollector, planMoments, type TargetMoments } from "./moments.js";
import type { Samples } from "./samples.js";

/**
 * Second moments of `targets` over all samples; weights that read the same activation share one object.
 *
 * @throws PruneError as `collectStatistics`
 */
export async function collectMoments(
  model: Model,
  targets: readonly Target[],
  samples: Samples,
  options: CollectOptions,
  control: CollectControl,
): Promise<TargetMoments> {
  control.signal?.throwIfAborted();
  const { taps, edits } = planMoments(model, targets, { padding: samples.padding, keepOutputs: false });
  const collector = new MomentCollector(taps);
  await runSamples(model, edits, samples, options, (outputs) => collector.add(outputs), control);
  return collector.moments();
}
