/**
 * `verify: true`: the masks are compared with RIA's on a little text, and the better ones stay
 * (verify-masks.ts). Coefficients that help one family can hurt another; this finds out, at the price of a few
 * forward passes. Here is what is known of it without a model.
 */
import { PruneError } from "../errors.js";
import { describePattern, type Pattern } from "../pattern/index.js";
import { isAdaptive } from "../reconstruct/table.js";
import { type MethodName, methodOf } from "../score/index.js";
import type { Plan } from "./plan.js";

/** What a comparison with RIA came to. */
export interface Verdict {
  /** Perplexities on the same text. */
  readonly own: number;
  readonly ria: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
  /** Whether calibration has seen none of them. */
  readonly unseen: boolean;
  readonly kept: "own" | "ria";
}

/** Whether a plan's masks are anything else than RIA's own. */
export function differsFromRia(plan: Plan): boolean {
  const { options, coefficients, pattern, passes } = plan;
  const { method } = options;
  if (isAdaptive(method) || options.reconstruct !== null || options.repair.length > 0) return true;
  if (method === "ria") return false;
  const isUntuned = JSON.stringify(coefficients) === JSON.stringify({ all: methodOf(method).untuned });
  const isLikeRia = passes === 1 && describePattern(pattern) === describePattern(riaPlan(plan).pattern);
  return !(method === "crepe" && isUntuned && isLikeRia);
}

/**
 * The plan as RIA prunes it: the same weights, one pass, and RIA's own scope where the user named none.
 */
export function riaPlan(plan: Plan): Plan {
  return {
    ...plan,
    options: {
      ...plan.options,
      method: "ria",
      reconstruct: null,
      parameters: {},
      sequential: null,
      target: "weights",
      repair: [],
    },
    pattern: patternAsBy("ria", plan),
    coefficients: { all: {} },
    passes: 1,
    calibrated: true,
  };
}

/** A plan's pattern for another method: with the scope of that method's own paper, unless the user named one. */
export function patternAsBy(method: MethodName, { pattern, options }: Plan): Pattern {
  const isOpen = options.pattern.kind === "unstructured" && options.pattern.scope === null;
  return isOpen && pattern.kind === "unstructured" ? { ...pattern, scope: methodOf(method).defaultScope } : pattern;
}

/** The error for a model that is not calibrated on text. */
export const cannotVerify = (file: string): PruneError =>
  new PruneError(
    "unsupported",
    `${file}: verify compares perplexities, so it needs a causal language model that is calibrated with texts or tokens; leave verify out`,
    { details: { file, option: "verify" } },
  );

/** The verdict in a sentence. */
export function describeVerdict({ own, ria, tokens, unseen, kept }: Verdict, method: string): string {
  const text = `${tokens} tokens that calibration has ${unseen ? "not seen" : "seen, at least in part"}`;
  const figures = `perplexity ${own.toPrecision(4)} with ${method}, ${ria.toPrecision(4)} with ria on ${text}`;
  return kept === "own" ? `verified: ${figures}` : `ria instead of ${method}, which verify found worse: ${figures}`;
}
