/**
 * `verify: true`: the masks are compared with RIA's on a little text that calibration has not seen, and
 * the better ones stay. Coefficients that help one family can hurt another; this finds out, at the
 * price of a few forward passes.
 */
import { calibrationText, cutWindows, type Tokenizer } from "../calibrate/index.js";
import type { Device } from "../compute/index.js";
import { PruneError } from "../errors.js";
import { perplexity } from "../eval/index.js";
import type { Runtime, SessionOptions } from "../runtime/index.js";
import { methodOf } from "../score/index.js";
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
export function differsFromRia({ options: { method }, coefficients }: Plan): boolean {
  if (method === "ria") return false;
  const isUntuned = JSON.stringify(coefficients) === JSON.stringify({ all: methodOf(method).untuned });
  return !(method === "crepe" && isUntuned);
}

/**
 * The plan as RIA prunes it: the same weights, one pass, and RIA's own scope where the user named none.
 */
export function riaPlan(plan: Plan): Plan {
  const { pattern, options } = plan;
  const isOpen = options.pattern.kind === "unstructured" && options.pattern.scope === null;
  return {
    ...plan,
    options: { ...options, method: "ria" },
    pattern: isOpen && pattern.kind === "unstructured" ? { ...pattern, scope: methodOf("ria").defaultScope } : pattern,
    coefficients: { all: {} },
    passes: 1,
    calibrated: true,
  };
}

/**
 * Keeps the plan's masks or RIA's, whichever has the lower perplexity.
 *
 * @returns the masks that stay, with the verdict
 * @throws PruneError `unsupported` where the model has no perplexity; the signal's reason when aborted
 */
export async function verifyMasks(plan: Plan, own: Masked, services: VerifyServices): Promise<Masked> {
  const { device, runtime, sessionOptions, collect, meter } = services;
  const { signal } = plan.options;
  const start = performance.now();
  const windows = await windowsBehind(plan, services);
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
  const verdict = { own: first.perplexity, ria: second.perplexity, tokens: first.tokens, kept } as const;
  const seconds = { ...own.seconds, mask: own.seconds.mask + (performance.now() - start) / 1000 };
  return { ...(kept === "own" ? own : ria), seconds, verdict };
}

/** Windows behind those that are calibrated on, where the text goes on, else its last ones. */
async function windowsBehind({ name, options }: Plan, { tokenizer }: VerifyServices): Promise<number[][]> {
  const { source, count, length } = options.calibration;
  if (source.kind === "tokens") {
    const ids = source.samples.flat();
    const first = Math.max(0, ids.length - WINDOWS * LENGTH);
    return Array.from({ length: WINDOWS }, (_, i) => ids.slice(first + i * LENGTH, first + (i + 1) * LENGTH));
  }
  if (source.kind !== "built-in" && source.kind !== "texts") throw cannotVerify(name);
  const { text } = await calibrationText(source);
  const behind = Math.ceil((count * length) / LENGTH) + WINDOWS;
  return cutWindows(text, await tokenizer(), { count: behind, length: LENGTH, bos: false }).slice(-WINDOWS);
}

/** The error for a model that is not calibrated on text. */
export const cannotVerify = (file: string): PruneError =>
  new PruneError(
    "unsupported",
    `${file}: verify compares perplexities, so it needs a causal language model that is calibrated with texts or tokens; leave verify out`,
    { details: { file, option: "verify" } },
  );

/** The verdict in a sentence. */
export function describeVerdict({ own, ria, tokens, kept }: Verdict, method: string): string {
  const figures = `perplexity ${own.toPrecision(4)} with ${method}, ${ria.toPrecision(4)} with ria on ${tokens} tokens`;
  return kept === "own" ? `verified: ${figures}` : `ria instead of ${method}, which verify found worse: ${figures}`;
}
