/** Options: what users write, what it means, and what exists (for help texts). */
export { isOneShot } from "./calibration-option.js";
export { coefficientValues, readCoefficientSet } from "./coefficient-values.js";
export { parseJson } from "./coefficients.js";
export { CALIBRATION_OPTIONS, type OptionRow, PRUNE_OPTIONS } from "./descriptions.js";
export { matchesAnyGlob, matchesGlob } from "./globs.js";
export { mustBeFunction, mustBeInteger, mustBeOneOf, mustBeText } from "./must-be.js";
export { nearest } from "./nearest.js";
export {
  badOption,
  dottedLabel,
  isOptionsObject,
  type Label,
  OptionReader,
  type Read,
  unknownOption,
} from "./option-reader.js";
export { withScope } from "./pattern-option.js";
export { PRESETS } from "./presets.js";
export { resolvePruneOption } from "./resolve.js";
export { checkNamedFiles } from "./session-files.js";
export {
  type CalibrationOptionName,
  DEFAULTS,
  METHOD_NAMES,
  PRESET_NAMES,
  type PruneOptionName,
  RECONSTRUCTION_NAMES,
  REPAIR_NAMES,
  SCOPES,
  SCORE_NAMES,
  WEIGHT_KINDS,
} from "./table.js";
export type * from "./types.js";
