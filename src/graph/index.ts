/** The graph with its links, and the linear layers in it. */

export type { Activation } from "./activations.js";
export { type BiasPlace, findBias } from "./biases.js";
export { type BlockOutput, blockOutputs } from "./block-outputs.js";
export { buildModel } from "./build.js";
export {
  type FeedForward,
  type FoundFeedForwards,
  findFeedForwards,
  type RefusedFeedForward,
} from "./feed-forwards.js";
export { findTargets } from "./find-targets.js";
export { LAYER_FORMS } from "./layer-forms.js";
export { nodesBehind } from "./nodes-behind.js";
export { type FoundNorms, findNorms, type Norm, type NormPlace, type RefusedNorm } from "./norms.js";
export { cutIntoParts, cutIntoStages, type GraphPart, type Stage } from "./parts.js";
export { decodeValues, readValues } from "./read-values.js";
export { residualOf } from "./residuals.js";
export { findWritableTargets, resolveCoding } from "./resolve-coding.js";
export { type CodingFacts, codingFacts, describeCoding, partsOf, type StoredCoding } from "./stored-coding.js";
export { readVector, type StoredVector } from "./stored-vector.js";
export type * from "./types.js";
export { allValues } from "./walk.js";
