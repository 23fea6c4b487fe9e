/** The door to ONNX Runtime: the host's copy, opened without copying weights. */
export { type ForwardSpeeds, forwardSpeeds } from "./forward-speeds.js";
export { freeTensor } from "./free-tensor.js";
export { type EditedModel, editedModel, openEdited } from "./open-edited.js";
export { type OpenProducts, openProducts } from "./products.js";
export {
  type InputMetadata,
  type Runtime,
  type RuntimeSession,
  type RuntimeTensor,
  type SessionOptions,
  takingTurns,
  withoutOutputLocations,
} from "./runtime.js";
