/** Masks to new bytes of the initializers. What packs and expands weights is in packed/, which is loaded where it is needed. */
export { applyMask, countZeros } from "./apply-mask.js";
export { maskInto } from "./mask-into.js";
export { mayHoldPacked } from "./packed/names.js";
export { countZeroValues, writeZeros } from "./write-zeros.js";
