/** The transformers.js seam: loading with `prune`, and models by name. */
export {
  exportCoefficients,
  importCoefficients,
  type ListedCoefficients,
  listCoefficients,
  type RegistryOptions,
} from "./coefficients.js";
export { type EstimateOptions, estimatePrune, type FileEstimate, type PruneEstimate } from "./estimate-prune.js";
export { type EvaluateOptions, type EvaluationReport, evaluateModel } from "./evaluate-model.js";
export type { PruneProgressCallback, PruneProgressInfo } from "./events.js";
export { type InspectedFile, type InspectedWeight, type InspectReport, inspectModel } from "./inspect-model.js";
export {
  type PipelineOf,
  type PipelineTask,
  type PruneLoadOptions,
  type PrunePipelineOptions,
  pipeline,
} from "./pipeline.js";
export { type PruneModelOptions, type PruneResult, pruneModel } from "./prune-model.js";
export { type PrunedFiles, type PruneToFilesOptions, pruneToFiles } from "./prune-to-files.js";
export type { HostLoadOptions } from "./resolve-files.js";
export { type HostSessionOptions, type PruneHostOptions, prune } from "./session-options.js";
export { type TuneMetric, type TuneOptions, type TuneResult, tuneModel as tune } from "./tune-model.js";
export { type ModelClass, type PrunedModelClass, withPrune } from "./with-prune.js";
