/** Packed weights: fewer bytes in the file, and nodes that expand them when a runtime loads it. */
export { type CodedElements, codedElements } from "./coded-elements.js";
export { type FoundPacked, type FoundWeight, findPacked } from "./find-packed.js";
export { canPack, type Packed, packEdits, packingObstacle } from "./pack-model.js";
export {
  choosePacking,
  elementCount,
  elementDims,
  type Packable,
  type PackedForm,
  type PackedWeight,
  type PackedZeros,
  packedBytes,
} from "./packed-weight.js";
export { expansionEdits, MOST_EXPANDED_BYTES, type UnpackEdits, unpackEdits, viewUnpacked } from "./unpack-model.js";
