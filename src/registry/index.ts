/**
 * What is known of coefficients: records of tuning, who they are good for, and which is taken. The registry of
 * a machine, `local.ts`, needs a file system and is imported by its name, so that all else here runs in browsers.
 */
export {
  type Choice,
  type CoefficientLibrary,
  chooseCoefficients,
  type ModelAtHand,
} from "./choose.js";
export { familyOf, fingerprintOf } from "./family.js";
export { type FoundRecord, lookUp, type ModelIdentity, type Registry, type Wanted } from "./lookup.js";
export { readText } from "./read-text.js";
export {
  type CoefficientRecord,
  type EvaluationText,
  PERPLEXITY,
  plainRecord,
  type RecordedFigures,
  type RecordedJudge,
  type RecordedSearch,
  readRecord,
  readRecordsText,
  readRegistryText,
  registryText,
} from "./record.js";
