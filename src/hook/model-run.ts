/** How a model is run to be calibrated: by a function of the user's, or over short passages of text. */
import { PruneError } from "../errors.js";
import type { ResolvedCalibration, ResolvedPrune } from "../options/index.js";
import { looksAtActivations, type Plan } from "../prune/index.js";
import type { SessionRequest } from "./intercept.js";
import type { HostTokenizer } from "./tokenizer.js";
import { runGiven } from "./turn-context.node.js";

/** Graph inputs that another session of the same model computes. */
const FROM_ANOTHER_SESSION = new Set(["encoder_hidden_states", "inputs_embeds"]);

/**
 * Uses a loaded pipeline or model to calibrate it; returns in words what it did. `onSample` hears how
 * far it is, where that is known.
 */
export type Run = (loaded: unknown, onSample: (done: number, total: number) => void) => Promise<string>;

/** A calibration whose samples are text. */
export type TextCalibration = ResolvedCalibration & {
  readonly source: Extract<ResolvedCalibration["source"], { kind: "built-in" | "texts" }>;
};

/** Loads the model with other sessions, hands it to `use`, and disposes of it whatever happens. */
export type Reload = (request: SessionRequest, use: (loaded: unknown) => Promise<void>) => Promise<void>;

/** A use of the whole model that calibrates its files. */
export interface ModelRun {
  /** The same for all files that one run calibrates together. */
  readonly key: unknown;
  readonly run: Run;
}

/** The run that the user gave; null where there is none, or the method looks at no activations. */
export function givenRun(options: ResolvedPrune): ModelRun | null {
  const { source } = options.calibration;
  if (source.kind !== "run" || !looksAtActivations(options)) return null;
  const { run } = source;
  return {
    key: run,
    run: async (loaded) => {
      await runGiven(async () => run(loaded as never));
      return "the given run()";
    },
  };
}

/** Whether a file can only be run together with another session of its model. */
export const readsAnotherSession = ({ model }: Plan): boolean =>
  model.graph.onnx.inputs.some(({ name }) => FROM_ANOTHER_SESSION.has(name));

/**
 * How a file's whole model is to be run; null where samples feed the file alone, or nothing is calibrated.
 *
 * @throws PruneError `bad-option` for `bos` and `memory`, where text is read by the whole model
 */
export function runOf(plan: Plan, tokenizer: () => Promise<HostTokenizer>): ModelRun | null {
  const { calibration } = plan.options;
  const { source } = calibration;
  if (!plan.calibrated) return null;
  if ((source.kind === "built-in" || source.kind === "texts") && readsAnotherSession(plan))
    return { key: source, run: runOnText(calibration as TextCalibration, tokenizer, plan.name) };
  return givenRun(plan.options);
}

function runOnText(calibration: TextCalibration, tokenizer: () => Promise<HostTokenizer>, file: string): Run {
  if (calibration.bos)
    throw new PruneError(
      "bad-option",
      `calibration.bos is set, but ${file} is run with the whole model on whole passages, which get the special tokens that its tokenizer gives them; leave bos out`,
    );
  if (calibration.memory !== null)
    throw new PruneError(
      "bad-option",
      `calibration.memory is set, but ${file} is run together with the other sessions of its model, which are whole; leave memory out`,
    );
  return async (loaded, onSample) => {
    const { defaultRun } = await import("./default-run.js");
    return defaultRun(calibration, tokenizer)(loaded, onSample);
  };
}
