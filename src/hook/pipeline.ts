/** The host's `pipeline()` with one more option. */
import type { PruneOption } from "../options/index.js";
import type { PruneProgressCallback } from "./events.js";
import { host } from "./host.js";
import type { HostOptions } from "./load-pruned.js";
import { unpacking } from "./open-unpacked.js";

/** Tasks, as the host names them. */
export type PipelineTask = Parameters<typeof host.pipeline>[0];

/** What the host's `pipeline()` of a task returns. */
export type HostPipeline<T extends PipelineTask> = ReturnType<typeof host.pipeline<T>>;

/** The host's pipeline of a task. */
export type PipelineOf<T extends PipelineTask> = Awaited<HostPipeline<T>>;

/** The host's loading options, `prune`, and a `progress_callback` that hears of it. */
export type PruneLoadOptions<Loaded> = Omit<host.PretrainedModelOptions, "progress_callback"> & {
  /** How to prune the model as it loads; absent or null: not at all. `calibration.run` is given what is loaded. */
  prune?: PruneOption<Loaded> | null | undefined;
  progress_callback?: PruneProgressCallback | null | undefined;
};

/** Options of {@link pipeline}. */
export type PrunePipelineOptions<T extends PipelineTask> = PruneLoadOptions<PipelineOf<T>>;

/**
 * transformers.js's `pipeline()`, which prunes the model as it loads. The first load calibrates,
 * scores, masks and caches; later loads open the cached model. Without `prune` it is the host's, but
 * for files whose weights are packed: those are expanded here, with less memory than the runtime takes.
 *
 * @param task as in transformers.js
 * @param model Hub id or directory, as in transformers.js
 * @param options the host's options and `prune`
 * @returns the host's own pipeline, of the host's own type
 * @throws PruneError for everything that has to do with pruning; whatever the host throws
 */
export function pipeline<T extends PipelineTask>(
  task: T,
  model?: string | null,
  options: PrunePipelineOptions<T> = {},
): HostPipeline<T> {
  const { prune, ...hostOptions } = options;
  // The host declares `model` as string and takes null for its default of the task.
  const load = (all: HostOptions) => host.pipeline<T>(task, model as string, all as host.PretrainedModelOptions);
  if (prune == null) return load(unpacking(hostOptions as HostOptions));
  const loaded = import("./load-pruned.js").then(({ loadPruned }) =>
    loadPruned(model ?? null, prune, hostOptions as HostOptions, load),
  );
  return loaded as HostPipeline<T>;
}
