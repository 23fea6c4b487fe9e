/**
 * Runs samples through a tapped copy of one model file and returns the statistics of its targets:
 * the one place where calibration opens a session, and so the one that releases it.
 */
import { PruneError } from "../errors.js";
import type { Model, Target } from "../graph/index.js";
import type { ModelEdits } from "../onnx/index.js";
import type { RunControl } from "../progress.js";
import {
  openEdited,
  type Runtime,
  type RuntimeSession,
  type RuntimeTensor,
  type SessionOptions,
} from "../runtime/index.js";
import { TapCollector, type TargetStatistics } from "./collector.js";
import type { Samples } from "./samples.js";
import { planTaps, type TapPlan } from "./taps.js";

export interface CollectOptions {
  readonly runtime: Runtime;
  readonly sessionOptions: SessionOptions;
  /** What an earlier pass made of the model, to be calibrated on. */
  readonly edits: ModelEdits;
}

/** How far a calibration is heard of, and how it is stopped. */
export interface CollectControl {
  readonly signal?: RunControl["signal"];
  /** Called after each run with the samples done so far; where the model is run in parts, those of this part. */
  readonly onSample?: (done: number, part?: { readonly index: number; readonly count: number }) => void;
}

/**
 * Statistics of `targets` over all samples. The session sees no weight copied but those in
 * `edits`, and is released whatever happens.
 *
 * @throws PruneError `bad-calibration` for samples that cannot be run or a weight without tokens;
 *   `bad-statistics` for values that are not finite; the signal's reason when it is aborted
 */
export async function collectStatistics(
  model: Model,
  targets: readonly Target[],
  samples: Samples,
  options: CollectOptions,
  control: CollectControl,
): Promise<TargetStatistics> {
  control.signal?.throwIfAborted();
  const { taps, edits } = planTaps(model, targets, { padding: samples.padding, keepOutputs: false });
  const collector = new TapCollector(taps);
  await runSamples(model, edits, samples, options, (outputs) => collector.add(outputs), control);
  return collector.statistics();
}

/**
 * Runs all samples through one session of an edited model.
 *
 * @param take given the outputs of each run, which it frees
 * @throws PruneError `bad-calibration` for samples that cannot be run, or where there are none; the signal's reason
 *   when it is aborted
 */
export async function runSamples(
  model: Model,
  taps: TapPlan["edits"],
  samples: Samples,
  { runtime, sessionOptions, edits }: CollectOptions,
  take: (outputs: Readonly<Record<string, RuntimeTensor>>) => void,
  control: CollectControl,
): Promise<void> {
  const session = await openEdited(runtime, model.onnx, await together(taps, edits), sessionOptions);
  try {
    let done = 0;
    for await (const { feeds, samples: count } of samples.batches(runtime, session)) {
      control.signal?.throwIfAborted();
      take(await runSample(session, feeds, model.onnx.name));
      done += count;
      control.onSample?.(done);
    }
    if (done === 0)
      throw new PruneError("bad-calibration", `${model.onnx.name}: calibration gave no sample; give at least one`);
  } finally {
    await session.release();
  }
}

/**
 * One run of a calibration session.
 *
 * @throws PruneError `bad-calibration` where the runtime refuses the feeds
 */
export async function runSample(
  session: RuntimeSession,
  feeds: Readonly<Record<string, unknown>>,
  file: string,
): Promise<Record<string, RuntimeTensor>> {
  try {
    return await session.run(feeds);
  } catch (cause) {
    throw new PruneError(
      "bad-calibration",
      `${file}: a calibration sample cannot be run: ${cause instanceof Error ? cause.message : String(cause)}; ` +
        `the session takes ${session.inputNames.join(", ")}`,
      { details: { file }, cause },
    );
  }
}

/** Taps of a model that is edited; most are not, and a page loads what merges for those that are. */
async function together(taps: ModelEdits, edits: ModelEdits): Promise<ModelEdits> {
  const isEmpty = Object.values(edits).every(
    (part) => (part instanceof Map ? part.size : Object.keys(part).length) === 0,
  );
  return isEmpty ? taps : (await import("../onnx/merge-edits.js")).mergeEdits(taps, edits);
}
