/** Prunes transformers.js models as they load. Public names only; each is documented where it is made. */
export { PruneError, type PruneErrorCode, type PruneErrorDetails } from "./errors.js";
export { type ReadWeightOptions, readWeight, type WeightValues } from "./eval/index.js";
export type { CodingFacts, Skipped, WeightKind } from "./graph/index.js";
export * from "./hook/index.js";
export type { ExternalFile, ModelInput } from "./onnx/index.js";
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
export type { Phases } from "./prune/index.js";
export type { Speeds } from "./prune/measure-speeds.js";
export type {
  CoefficientRecord,
  EvaluationText,
  RecordedFigures,
  RecordedJudge,
  RecordedSearch,
} from "./registry/index.js";
export type { PlannedFile, PruneReport, WeightReport } from "./report.js";
export {
  type CoefficientSet,
  type Coefficients,
  METHODS,
  type Method,
  type MethodName,
  type Parameter,
} from "./score/index.js";
export {
  type Candidate,
  type Finalist,
  type ObjectiveStudy,
  type SearchStep,
  type Study,
  type StudyRow,
  type TuneReport,
  tunePage,
} from "./tune/index.js";
export { VERSION } from "./version.js";
