/** Updates of kept weights and masks, from what is known of a layer's input. What updates is loaded where it is used. */
export type { UpdatedWeight, WeightJob } from "./job.js";
export { layerError, outputEnergy } from "./layer-error.js";
export { LayerInput, type LayerInputOptions } from "./layer-input.js";
export {
  DEFAULT_PARAMETERS,
  RECONSTRUCTIONS,
  type Reconstruction,
  type ReconstructionName,
  reconstructionOf,
  type Update,
  type UpdateParameter,
  type UpdateSettings,
} from "./table.js";
