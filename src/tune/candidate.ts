/**
 * What the tuner measures: a method with coefficients, for the whole model or by part of it, a pattern
 * and a number of calibration passes.
 */
import { describePattern, type Pattern } from "../pattern/index.js";
import type { CoefficientSet, MethodName } from "../score/index.js";

/** One way to prune the model. */
export interface Candidate {
  readonly method: MethodName;
  readonly pattern: Pattern;
  readonly coefficients: CoefficientSet;
  /** Calibration passes, at least 1. */
  readonly passes: number;
}

/** Equal for candidates that prune alike. */
export const candidateKey = ({ method, pattern, coefficients, passes }: Candidate): string => {
  const { all, byKind = null, byDepth = null } = coefficients;
  return JSON.stringify([method, describePattern(pattern), all, byKind, byDepth, passes]);
};
