/** Closed-form repairs of pruned layers. */
export { type BiasProblem, biasShift } from "./bias.js";
export { repairByLeastSquares } from "./least-squares.js";
export { type NormProblem, type NormReader, normFactors } from "./norm.js";
export { rowScales, type ScaleProblem, scaleRows } from "./scale.js";
