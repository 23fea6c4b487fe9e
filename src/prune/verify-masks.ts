/**
 * Compares masks with RIA's on a little text. Calibration has not seen that text, unless its samples are
 * token ids or leave none of the text over; the verdict says so.
 */
import { type Tokenizer, windowsBehind } from "../calibrate/index.js";
import type { Device } from "../compute/index.js";
import { perplexity } from "../eval/perplexity.js";
import type { Runtime, SessionOptions } from "../runtime/index.js";
import { type Collect, computeMasks, type Masked, onDevice } from "./masks.js";
import type { Plan } from "./plan.js";
import type { ProgressMeter } from "./progress-meter.js";
import { prunedEdits } from "./updated.js";
import { cannotVerify, riaPlan } from "./verify.js";

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
  // Where masks are scores the dense statistics are at hand; updates leave only moments, and samples run once more.
  const masks = await computeMasks(
    [rival],
    (_, tensors, pass) => collect([rival], tensors, pass),
    onDevice(device),
    () => meter,
  );
  const ria = masks.get(rival) as Masked;
  const perplexityOf = async (masked: Masked, done: number) => {
    const options = { runtime, sessionOptions, edits: prunedEdits(masked) };
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
