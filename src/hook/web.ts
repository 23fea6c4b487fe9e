/** The transformers.js seam in browsers: what of index.ts works in a page. What not every page calls is loaded when it is called. */
export type { EvaluateOptions, EvaluationReport } from "./evaluate-model.js";
export type { PruneProgressCallback, PruneProgressInfo } from "./events.js";
export {
  type PipelineOf,
  type PipelineTask,
  type PruneLoadOptions,
  type PrunePipelineOptions,
  pipeline,
} from "./pipeline.js";
export type { PrunedFiles, PruneToFilesOptions } from "./prune-to-files.js";
export type { HostLoadOptions } from "./resolve-files.js";
export { type HostSessionOptions, type PruneHostOptions, prune } from "./session-options.js";
export { type ModelClass, type PrunedModelClass, withPrune } from "./with-prune.js";

/** As in Node. */
export const evaluateModel: typeof import("./evaluate-model.js").evaluateModel = async (model, options) =>
  (await import("./evaluate-model.js")).evaluateModel(model, options);

/** As in Node. */
export const pruneToFiles: typeof import("./prune-to-files.js").pruneToFiles = async (model, options) =>
  (await import("./prune-to-files.js")).pruneToFiles(model, options);
