/** Scores: which methods there are and what each needs. */
export { type ChannelStatistics, channelFactor } from "./channel-factor.js";
export { type CoefficientSet, coefficientsOf, depthOf, type WeightPlace } from "./coefficient-set.js";
export type { Coefficients, Method, Parameter, ScoreTerms, Statistic } from "./method.js";
export { METHODS, type MethodName, methodOf } from "./methods.js";
