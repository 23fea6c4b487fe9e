/** How a model is run to be calibrated: by a function of the user's, or over short passages of text. */
import type { ResolvedPrune } from "../options/index.js";
import type { Plan } from "../prune/index.js";
import { methodOf } from "../score/index.js";
import { defaultRun, type Run, readsAnotherSession, type TextCalibration } from "./default-run.js";
import type { SessionRequest } from "./intercept.js";
import type { HostTokenizer } from "./tokenizer.js";
import { runGiven } from "./turn-context.node.js";

/** Loads the model with other sessions, hands it to `use`, and disposes of it whatever happens. */
export type Reload = (request: SessionRequest, use: (loaded: unknown) => Promise<void>) => Promise<void>;

/** A use of the whole model that calibrates its files. */
export interface ModelRun {
  /** The same for all files that one run calibrates together. */
  readonly key: unknown;
  readonly run: Run;
}

/** The run that the user gave; null where there is none, or the method looks at no activations. */
export function givenRun({ method, calibration }: ResolvedPrune): ModelRun | null {
  const { source } = calibration;
  if (source.kind !== "run" || methodOf(method).statistic === "none") return null;
  const { run } = source;
  return {
    key: run,
    run: async (loaded) => {
      await runGiven(async () => run(loaded as never));
      return "the given run()";
    },
  };
}

/** How a file's whole model is to be run; null where samples feed the file alone, or nothing is calibrated. */
export function runOf(plan: Plan, tokenizer: () => Promise<HostTokenizer>): ModelRun | null {
  const { calibration } = plan.options;
  const { source } = calibration;
  if (!plan.calibrated) return null;
  if ((source.kind === "built-in" || source.kind === "texts") && readsAnotherSession(plan))
    return { key: source, run: defaultRun(calibration as TextCalibration, tokenizer, plan.name) };
  return givenRun(plan.options);
}
