/**
 * Masks for all files of a model that `run(pipe)` calibrates: the model is loaded tapped, once a
 * pass, run by the user's function, and disposed of before anything is masked.
 */
import { createCpuDevice } from "../compute/index.js";
import { PruneError } from "../errors.js";
import type { ResolvedPrune, ResolvedPruneOption } from "../options/index.js";
import { type Collect, computeMasks, type Masked, type Plan, type ProgressMeter } from "../prune/index.js";
import type { SessionRequest } from "./intercept.js";
import { TappedSessions } from "./tapped-sessions.js";

/** Loads the model with other sessions, hands it to `use`, and disposes of it whatever happens. */
export type Reload = (request: SessionRequest, use: (pipe: unknown) => unknown) => Promise<void>;

export interface RunContext {
  readonly model: string;
  readonly options: ResolvedPruneOption;
  readonly reload: Reload | null;
}

/** A file with its masks and what its statistics were collected on. */
export interface MaskedByRun {
  readonly plan: Plan;
  readonly masked: Masked;
  readonly calibration: string;
}

/**
 * Collects by `run` and masks every file that is calibrated so. Close the plans when they are written.
 *
 * @throws PruneError `bad-calibration` where the model cannot be loaded a second time, or where a
 *   weight saw no token; whatever `run` throws
 */
export async function maskByRun(
  context: RunContext,
  meterOf: (plan: Plan) => ProgressMeter,
): Promise<ReadonlyMap<string, MaskedByRun>> {
  const { reload } = context;
  if (reload === null)
    throw new PruneError(
      "bad-calibration",
      `${context.model}: calibration by run() must load the model tapped, which prune() in session_options cannot; use pipeline() or withPrune()`,
    );
  const optionsOf = (sessionFile: string): ResolvedPrune | null => {
    const options = context.options.forFile(sessionFile);
    return options?.calibration.source.kind === "run" ? options : null;
  };
  const run = async (sessions: TappedSessions) => {
    await reload(sessions, (pipe) => {
      const source = [...sessions.plans.values()][0]?.options.calibration.source;
      return source?.kind === "run" ? source.run(pipe as never) : undefined;
    });
    return sessions;
  };
  // The first load finds the files; a further pass loads again with the pruned tensors of the last.
  const first = await run(new TappedSessions(optionsOf, new Map(), new Map()));
  const plans = [...first.plans.values()];
  const collect: Collect = async (_, tensors, pass) => {
    const sessions = pass === 0 ? first : await run(new TappedSessions(optionsOf, first.plans, tensors));
    for (const plan of plans) meterOf(plan).step("calibrate", 1, 1, "", pass);
    return sessions.statistics();
  };
  const device = createCpuDevice();
  try {
    const masked = await computeMasks(plans, collect, device, meterOf);
    return new Map(
      plans.map((plan) => [plan.name, { plan, masked: masked.get(plan) as Masked, calibration: "the given run()" }]),
    );
  } catch (error) {
    await Promise.all(plans.map((plan) => plan.model.onnx.close()));
    throw error;
  } finally {
    await device.close();
  }
}
