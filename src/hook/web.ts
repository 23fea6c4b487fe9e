/** The transformers.js seam in browsers: what of index.ts works in a page. */
export { type EvaluateOptions, type EvaluationReport, evaluateModel } from "./evaluate-model.js";
export type { PruneProgressCallback, PruneProgressInfo } from "./events.js";
export {
  type PipelineOf,
  type PipelineTask,
  type PruneLoadOptions,
  type PrunePipelineOptions,
  pipeline,
} from "./pipeline.js";
export { type PrunedFiles, type PruneToFilesOptions, pruneToFiles } from "./prune-to-files.js";
export type { HostLoadOptions } from "./resolve-files.js";
export { type HostSessionOptions, type PruneHostOptions, prune } from "./session-options.js";
export { type ModelClass, type PrunedModelClass, withPrune } from "./with-prune.js";
