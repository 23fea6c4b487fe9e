/** Packed weights: fewer bytes in the file, and nodes that expand them when a runtime loads it. */
export { elementBytesOf } from "./element.js";
export { checkCanPack, type Packed, packEdits, packingObstacle } from "./pack-model.js";
export { choosePacking, type Packable, type PackedForm, type PackedWeight, packedBytes } from "./packed-weight.js";
