/** The conductor: plan a file, mask it, write it, report on it — in that order. */
export { type CalibrationLoad, estimateMemory, estimateSeconds, type Phases, sessionBytes } from "./estimate.js";
export { type MaskedPlan, maskBySamples, type SampleServices } from "./mask-by-samples.js";
export {
  type Collect,
  computeMasks,
  type Masked,
  maskEdits,
  onDevice,
  type TensorEdits,
  type UseDevice,
  weightBytes,
} from "./masks.js";
export { type ModelFile, openModelFile } from "./model-file.js";
export {
  baseName,
  extendKey,
  looksAtActivations,
  movesWeights,
  openPlan,
  type Plan,
  type PlanKey,
  planKey,
  readsText,
  scoreMethod,
  sourceHashes,
  UNKEYED,
} from "./plan.js";
export { ProgressMeter } from "./progress-meter.js";
export { parametersOf, planned, reportFromCache, reportOf, sourceBytes } from "./report-of.js";
export { checkSelections, type Selection } from "./select-targets.js";
export type { SessionTap } from "./update-by-run.js";
export { type PrunedWeights, prunedEdits, type Updates } from "./updated.js";
export { cannotVerify, patternAsBy, type Verdict } from "./verify.js";
export { type FileOfEntry, writeEntry } from "./write-entry.js";
