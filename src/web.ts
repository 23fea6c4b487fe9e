/**
 * The browser's entry: what of `index.ts` works in a page or a worker of a page. No module that is
 * reached from here imports one of Node's; test/architecture.test.ts holds that.
 */
export { PruneError, type PruneErrorCode, type PruneErrorDetails } from "./errors.js";
export type { ReadWeightOptions, WeightValues } from "./eval/index.js";
export type { CodingFacts, Skipped, WeightKind } from "./graph/index.js";
export * from "./hook/web.js";
export type {
  CalibrationOptions,
  CoefficientValues,
  PruneMap,
  PruneOption,
  PruneOptions,
  PruneValue,
  RawFeeds,
} from "./options/index.js";
export type { Phase, ProgressEvent, RunControl } from "./progress.js";
export type { CoefficientRecord } from "./registry/index.js";
export type { PlannedFile, PruneReport, WeightReport } from "./report.js";
export {
  type CoefficientSet,
  type Coefficients,
  METHODS,
  type Method,
  type MethodName,
  type Parameter,
} from "./score/index.js";
export { VERSION } from "./version.js";

/** As in Node; loaded when it is called. */
export const readWeight: typeof import("./eval/read-weight.js").readWeight = async (model, name, options) =>
  (await import("./eval/read-weight.js")).readWeight(model, name, options);
