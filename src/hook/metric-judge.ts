/**
 * Judges by a metric of the user's own: every candidate is loaded as a user would load it, as the
 * host's pipeline of the task with `prune`, measured and disposed.
 */
import { PruneError } from "../errors.js";
import { coefficientValues, type PruneOptions } from "../options/index.js";
import { describePattern } from "../pattern/index.js";
import { methodOf } from "../score/index.js";
import { type Candidate, type Judge, judgeBy, type Metric } from "../tune/index.js";
import { type PipelineTask, pipeline } from "./pipeline.js";
import type { ResolvedModel } from "./resolve-files.js";

/** What of `prune` the user said, as they said it; a candidate brings method, coefficients and passes. */
export type GivenPrune = Pick<PruneOptions, "include" | "exclude" | "calibration"> & {
  readonly sparsity?: PruneOptions["sparsity"];
  readonly pattern?: string;
  readonly permute?: boolean;
};

export interface MetricJudgeOptions {
  readonly metric: Metric;
  /** The model as the host finds it, and the options that load it. */
  readonly model: Pick<ResolvedModel, "id" | "options">;
  readonly prune: GivenPrune;
}

/**
 * A judge whose figures are the metric's. They come with `bad-option` where the metric is no finite
 * number, whatever the host, `prune` and the metric itself throw, and the signal's reason when aborted.
 *
 * @param known see `judgeBy`
 */
export function metricJudge({ metric, model, prune }: MetricJudgeOptions, known?: Judge["results"]): Judge {
  return judgeBy(
    metric.name,
    async (candidate, signal) => {
      signal?.throwIfAborted();
      const pipe = await pipeline(metric.task as PipelineTask, model.id, {
        ...(model.options as object),
        ...(candidate !== null && { prune: pruneAs(candidate, prune, signal) }),
      });
      try {
        const figure: unknown = await metric.measure(pipe as never);
        if (typeof figure === "number" && Number.isFinite(figure)) return figure;
        throw noFigure(metric, candidate, figure);
      } finally {
        await pipe.dispose();
      }
    },
    known,
  );
}

/** The options of `prune` that a candidate stands for. What is judged once need not be kept. */
function pruneAs(
  { method, pattern, coefficients, passes }: Candidate,
  given: GivenPrune,
  signal: AbortSignal | undefined,
): PruneOptions {
  const options = {
    ...given,
    method,
    ...(pattern.kind === "unstructured" && { scope: pattern.scope }),
    ...(methodOf(method).parameters.length > 0 && { coefficients: coefficientValues(coefficients) }),
    passes,
    cache: false,
    ...(signal && { signal }),
  };
  return options as PruneOptions;
}

function noFigure({ name }: Metric, candidate: Candidate | null, figure: unknown): PruneError {
  const whose = candidate === null ? "the dense model" : inWords(candidate);
  return new PruneError(
    "bad-option",
    `tune().metric: "${name}" must be a finite number for every model, but is ${String(figure)} for ${whose}; ` +
      "let measure() return a number, of which the lower is the better",
    { details: { option: "metric", metric: name, candidate: whose } },
  );
}

/** `crepe at 2:4 with {"row":0.5,…}, 2 passes`. */
function inWords({ method, pattern, coefficients, passes }: Candidate): string {
  const values =
    methodOf(method).parameters.length === 0 ? "" : ` with ${JSON.stringify(coefficientValues(coefficients))}`;
  return `${method} at ${describePattern(pattern)}${values}${passes > 1 ? `, ${passes} passes` : ""}`;
}
