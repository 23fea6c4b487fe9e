/** Options: what users write, what it means, and what exists (for help texts). */
export { defaultCoefficients, readCoefficientValues } from "./coefficient-values.js";
export { loadCoefficients } from "./coefficients.js";
export { matchesAnyGlob, matchesGlob } from "./globs.js";
export { nearest } from "./nearest.js";
export { badOption, dottedLabel, type Label, unknownOption } from "./option-reader.js";
export { resolvePruneOption } from "./resolve.js";
export { checkNamedFiles } from "./session-files.js";
export {
  CALIBRATION_OPTIONS,
  type CalibrationOptionName,
  DEFAULTS,
  METHOD_NAMES,
  type OptionRow,
  PRUNE_OPTIONS,
  type PruneOptionName,
} from "./table.js";
export type * from "./types.js";
