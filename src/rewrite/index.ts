/** Masks to new bytes of the initializers. */
export { applyMask, countZeros } from "./apply-mask.js";
export { maskInto } from "./mask-into.js";
export * from "./packed/index.js";
export { countZeroValues, writeZeros } from "./write-zeros.js";
