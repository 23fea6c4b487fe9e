/** The graph with its links, and the linear layers in it. */
export { type BlockOutput, blockOutputs } from "./block-outputs.js";
export { buildModel } from "./build.js";
export { findTargets } from "./find-targets.js";
export { LAYER_FORMS } from "./layer-forms.js";
export { nodesBehind } from "./nodes-behind.js";
export { cutIntoParts, type GraphPart } from "./parts.js";
export { readValues } from "./read-values.js";
export { findWritableTargets, resolveCoding } from "./resolve-coding.js";
export { type CodingFacts, codingFacts, describeCoding, partsOf, type StoredCoding } from "./stored-coding.js";
export type * from "./types.js";
export { allValues } from "./walk.js";
