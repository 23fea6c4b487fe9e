/**
 * Masks for all files of a model that are calibrated by running it: it is loaded tapped, once a
 * pass, run, and disposed of before anything is masked.
 */
import { PruneError } from "../errors.js";
import type { ResolvedPrune } from "../options/index.js";
import {
  type Collect,
  cannotVerify,
  computeMasks,
  type MaskedPlan,
  type Plan,
  type ProgressMeter,
  type UseDevice,
} from "../prune/index.js";
import { openDeviceFor } from "./mask-device.js";
import { type ModelRun, type Reload, runOf } from "./model-run.js";
import type { OpenPlans } from "./open-plans.js";
import { type TapJob, TappedSessions } from "./tapped-sessions.js";
import type { HostTokenizer } from "./tokenizer.js";

/** The model, as far as running it needs to know it. */
export interface RunContext {
  readonly model: string;
  readonly optionsOf: (sessionFile: string) => ResolvedPrune | null;
  /** Those that the load opens are added; whoever made it closes them. */
  readonly plans: OpenPlans;
  readonly tokenizer: () => Promise<HostTokenizer>;
  /** null where nobody knows how to load the model again. */
  readonly reload: Reload | null;
  /** Threads that compute masks; the device's choice where absent. */
  readonly threads?: number | undefined;
}

/**
 * Runs the model and masks every file that this run calibrates.
 *
 * @throws PruneError `bad-calibration` where the model cannot be loaded a second time, or where a
 *   weight saw no token; `unsupported` where a file that the run covers is to be verified; whatever the run throws
 */
export async function maskByRun(
  context: RunContext,
  { key, run }: ModelRun,
  meterOf: (plan: Plan) => ProgressMeter,
): Promise<readonly MaskedPlan[]> {
  const { reload, plans, optionsOf, tokenizer, threads } = context;
  if (reload === null)
    throw new PruneError(
      "bad-calibration",
      `${context.model}: this calibration runs the whole model, which must be loaded a second time for it; ` +
        "prune() in session_options cannot do that: use pipeline() or withPrune()",
    );
  const covers = (plan: Plan) => runOf(plan, tokenizer)?.key === key;
  // What is known by now need not wait for the run to be refused; what only the load finds is refused after it.
  refuseVerify((await plans.all()).filter(covers));
  let calibration = "";
  const runTapped = async (tensors: TapJob["tensors"], pass: number) => {
    let isCounted = false;
    const sessions = new TappedSessions({
      optionsOf,
      covers,
      plans,
      tensors,
      // Nobody knows how many runs of the user's there will be: the bar stands still while the count goes on.
      onRun: (plan, runs) => {
        if (!isCounted) meterOf(plan).step("calibrate", 0, 1, `run ${runs}`, pass);
      },
    });
    const onSample = (done: number, total: number) => {
      isCounted = true;
      for (const plan of sessions.plans) meterOf(plan).step("calibrate", done, total, `sample ${done}`, pass);
    };
    try {
      await reload(sessions, async (loaded) => {
        calibration = await run(loaded, onSample);
      });
    } catch (error) {
      await sessions.release();
      throw error;
    }
    if (!isCounted) for (const plan of sessions.plans) meterOf(plan).step("calibrate", 1, 1, "", pass);
    return sessions;
  };
  // The first load finds the files; a further pass loads again with the pruned tensors of the last.
  const start = performance.now();
  const first = await runTapped(new Map(), 0);
  refuseVerify(first.plans);
  const firstSeconds = (performance.now() - start) / 1000;
  const collect: Collect = async (_, tensors, pass) =>
    (pass === 0 ? first : await runTapped(tensors, pass)).statistics();
  const computedBy = new Map<Plan, Pick<MaskedPlan, "device" | "notes">>();
  // Each file has the device that it runs on, for as long as it is masked: two would need the memory of both.
  const useDevice: UseDevice = async (plan, work) => {
    const device = await openDeviceFor(first.sessionOptions.get(plan) ?? {}, threads);
    try {
      const done = await work(device);
      computedBy.set(plan, { device: device.description(), notes: device.refusals() });
      return done;
    } finally {
      await device.close();
    }
  };
  const all = await computeMasks(first.plans, collect, useDevice, meterOf);
  return [...all].map(([plan, masked]) => {
    const seconds = { ...masked.seconds, calibrate: masked.seconds.calibrate + firstSeconds };
    const { device, notes } = computedBy.get(plan) as Pick<MaskedPlan, "device" | "notes">;
    return { plan, masked: { ...masked, seconds }, calibration, device, notes };
  });
}

/** A session that runs only within its whole model has no perplexity of its own. */
function refuseVerify(plans: readonly Plan[]): void {
  const verified = plans.find(({ options }) => options.verify);
  if (verified !== undefined) throw cannotVerify(verified.name);
}
