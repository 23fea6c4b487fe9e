/**
 * Judges by the perplexity of a text: a candidate's masks exactly as `prune` makes them, pass after
 * pass, and the model run under them.
 */
import { collectStatistics, type Samples } from "../calibrate/index.js";
import { perplexity } from "../eval/index.js";
import type { TensorEdits } from "../prune/index.js";
import { PERPLEXITY } from "../registry/index.js";
import { methodOf } from "../score/index.js";
import type { Candidate } from "./candidate.js";
import { type Judge, judgeBy } from "./judge.js";
import type { Subject } from "./subject.js";
import { weightEdits } from "./weight-edits.js";

export interface PerplexityJudgeOptions {
  readonly subject: Subject;
  /** What later passes are calibrated on: the samples of the subject's statistics. */
  readonly samples: Samples;
  /** Token ids to judge on, [windows][length]. */
  readonly windows: readonly (readonly number[])[];
}

/**
 * A judge whose figures are perplexities. They come with PruneErrors from calibration, the device and the
 * runtime, `unsupported` where the model is no causal language model, and the signal's reason when aborted.
 *
 * @param known see {@link judgeBy}
 */
export function perplexityJudge(options: PerplexityJudgeOptions, known?: Judge["results"]): Judge {
  const { subject, windows } = options;
  const { runtime, sessionOptions, model } = subject;
  return judgeBy(
    PERPLEXITY,
    async (candidate, signal) => {
      const tensors: TensorEdits = candidate === null ? new Map() : await masked(candidate, options, signal);
      const control = signal === undefined ? {} : { signal };
      return (await perplexity(model.onnx, windows, { runtime, sessionOptions, edits: { tensors } }, control))
        .perplexity;
    },
    known,
  );
}

/** The candidate's weights as edits. Each pass after the first looks at the model that the one before pruned. */
async function masked(
  candidate: Candidate,
  { subject, samples }: PerplexityJudgeOptions,
  signal?: AbortSignal,
): Promise<TensorEdits> {
  const { model, targets, runtime, sessionOptions } = subject;
  const needsStatistics = methodOf(candidate.method).statistic !== "none";
  let statistics = subject.statistics[0];
  for (let pass = 1; ; pass++) {
    const weights = await subject.masked.of(candidate, targets, signal, statistics);
    const tensors = weightEdits(weights);
    if (pass >= candidate.passes || !needsStatistics) return tensors;
    const options = { runtime, sessionOptions, edits: { tensors } };
    statistics = await collectStatistics(model, targets, samples, options, { ...(signal && { signal }) });
  }
}
