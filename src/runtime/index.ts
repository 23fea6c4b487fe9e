/** The door to ONNX Runtime: the host's copy, opened without copying weights. */
export { type ForwardSpeeds, forwardSpeeds } from "./forward-speeds.js";
export { type EditedModel, editedModel, openEdited } from "./open-edited.js";
export type { InputMetadata, Runtime, RuntimeSession, RuntimeTensor, SessionOptions } from "./runtime.js";
