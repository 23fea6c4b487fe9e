/** Packed weights: fewer bytes in the file, and nodes that expand them when a runtime loads it. */
export { type FoundPacked, type FoundWeight, findPacked } from "./find-packed.js";
export { canPack, type Packed, packEdits, packingObstacle } from "./pack-model.js";
export { choosePacking, type Packable, type PackedForm, type PackedWeight, packedBytes } from "./packed-weight.js";
export { unpackEdits, unpackWeight } from "./unpack-model.js";
