/**
 * `verify: true`: the masks are compared with RIA's on a little text, and the better ones stay.
 * Calibration has not seen that text, unless its samples are token ids or leave none of the text over; the
 * verdict says so. Coefficients that help one family can hurt another; this finds out, at the price of a few
 * forward passes.
 */
import { type Tokenizer, windowsBehind } from "../calibrate/index.js";
import type { Device } from "../compute/index.js";
import { PruneError } from "../errors.js";
import { perplexity } from "../eval/index.js";
import { describePattern, type Pattern } from "../pattern/index.js";
import type { Runtime, SessionOptions } from "../runtime/index.js";
import { type MethodName, methodOf } from "../score/index.js";
import { type Collect, computeMasks, type Masked, maskEdits } from "./masks.js";
import type { Plan } from "./plan.js";
import type { ProgressMeter } from "./progress-meter.js";

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

/** Windows of text to judge on, and their tokens. */
const WINDOWS = 4;
const LENGTH = 256;

export interface VerifyServices {
  readonly device: Device;
  readonly runtime: Runtime;
  readonly sessionOptions: SessionOptions;
  readonly tokenizer: () => Promise<Tokenizer>;
  /** Gives the statistics of the dense model; they are known by now. */
  readonly collect: Collect;
  readonly meter: ProgressMeter;
}

/** Whether a plan's masks are anything else than RIA's own. */
export function differsFromRia(plan: Plan): boolean {
  const { options, coefficients, pattern, passes } = plan;
  const { method } = options;
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
    options: { ...plan.options, method: "ria" },
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

/**
 * Keeps the plan's masks or RIA's, whichever has the lower perplexity.
 *
 * @returns the masks that stay, with the verdict
 * @throws PruneError `unsupported` where the model has no perplexity; the signal's reason when aborted
 */
export async function verifyMasks(plan: Plan, own: Masked, services: VerifyServices): Promise<Masked> {
  const { device, runtime, sessionOptions, tokenizer, collect, meter } = services;
  const { signal } = plan.options;
  const start = performance.now();
  const behind = await windowsBehind(plan.options.calibration, { count: WINDOWS, length: LENGTH }, tokenizer);
  if (behind === null) throw cannotVerify(plan.name);
  const { windows, unseen } = behind;
  const rival = riaPlan(plan);
  // The dense statistics are at hand, so this costs masks only.
  const masks = await computeMasks(
    [rival],
    (_, tensors, pass) => collect([rival], tensors, pass),
    device,
    () => meter,
  );
  const ria = masks.get(rival) as Masked;
  const perplexityOf = async ({ masks }: Masked, done: number) => {
    const options = { runtime, sessionOptions, tensors: maskEdits(masks) };
    const result = await perplexity(plan.model.onnx, windows, options, { signal });
    meter.step("mask", done, 2, "verified");
    return result;
  };
  const [first, second] = [await perplexityOf(own, 1), await perplexityOf(ria, 2)];
  const kept = first.perplexity <= second.perplexity ? "own" : "ria";
  const verdict = { own: first.perplexity, ria: second.perplexity, tokens: first.tokens, unseen, kept } as const;
  const seconds = { ...own.seconds, mask: own.seconds.mask + (performance.now() - start) / 1000 };
  return { ...(kept === "own" ? own : ria), seconds, verdict };
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
