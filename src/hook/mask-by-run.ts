/**
 * Masks and updates for all files of a model that are calibrated by running it: it is loaded tapped, once a
 * pass or a group of layers, run, and disposed of before anything is masked.
 */
import { planTaps, TapCollector } from "../calibrate/index.js";
import type { Device } from "../compute/index.js";
import {
  type Collect,
  cannotVerify,
  computeMasks,
  type Masked,
  type MaskedPlan,
  movesWeights,
  type Plan,
  type ProgressMeter,
  type SessionTap,
  type TensorEdits,
  type UseDevice,
} from "../prune/index.js";
import type { UpdatesByRun } from "../prune/update-by-run.js";
import { isAdaptive } from "../reconstruct/table.js";
import { withoutOutputLocations } from "../runtime/index.js";
import { unfinishedInMemory } from "../store/index.js";
import { hostRuntime } from "./host.js";
import { openDeviceFor } from "./mask-device.js";
import type { ModelRun } from "./model-run.js";
import { type OnStep, type RunContext, type TappedRun, TappedRuns } from "./tapped-runs.js";

/**
 * Runs the model and masks every file that this run calibrates.
 *
 * @throws PruneError `bad-calibration` where the model cannot be loaded a second time, or where a
 *   weight saw no token; `unsupported` where a file that the run covers is to be verified; whatever the run throws
 */
export async function maskByRun(
  context: RunContext,
  how: ModelRun,
  meterOf: (plan: Plan) => ProgressMeter,
): Promise<readonly MaskedPlan[]> {
  const runs = new TappedRuns(context, how);
  // What is known by now need not wait for the run to be refused; what only the load finds is refused after it.
  refuseVerify((await context.plans.all()).filter(runs.covers));
  const updates = new Map<Plan, UpdatesByRun>();
  let collectors = new Map<Plan, TapCollector>();
  const counting = (plan: Plan, tensors: TensorEdits = new Map()): SessionTap => {
    const { taps, edits } = planTaps(plan.model, plan.targets, { padding: true, keepOutputs: true });
    const collector = new TapCollector(taps);
    collectors.set(plan, collector);
    return {
      edits: { ...edits, tensors },
      outputNames: collector.outputNames,
      add: (outputs) => collector.add(outputs),
    };
  };
  const updating = async (plan: Plan): Promise<SessionTap> => {
    const own = updates.get(plan) ?? (await begin(plan, context));
    updates.set(plan, own);
    return own.tap();
  };
  const onStepOf =
    (pass: number): OnStep =>
    (plan, done, total, item) => {
      const own = updates.get(plan);
      if (own === undefined) meterOf(plan).step("calibrate", done, total, item, pass);
      else own.onRun(meterOf(plan), done, total, item);
    };
  // The first load finds the files; a further one has in its sessions what came of those before.
  const first = await runs.next((plan) => (movesWeights(plan.options) ? updating(plan) : counting(plan)), onStepOf(0));
  refuseVerify([...first.tapped.keys()]);
  const computedBy = new Map<Plan, Pick<MaskedPlan, "device" | "notes">>();
  // Each file has the device that it runs on, for as long as it is masked: two would need the memory of both.
  const useDevice: UseDevice = async (plan, work) => {
    const device = await openDeviceFor(first.tapped.get(plan) ?? {}, context.threads);
    try {
      const done = await work(device);
      computedBy.set(plan, { device: device.description(), notes: device.refusals() });
      return done;
    } finally {
      await device.close();
    }
  };
  for (let run = first; ; run = await runs.next((plan) => updates.get(plan)?.tap() ?? DENSE, onStepOf(0))) {
    for (const [plan, own] of updates) if (!own.isDone) await finishGroup(plan, own, run, useDevice, meterOf(plan));
    if ([...updates.values()].every(({ isDone }) => isDone)) break;
  }
  const statistics = () => new Map([...collectors].map(([plan, collector]) => [plan, collector.statistics()]));
  const collect: Collect = async (_, tensors, pass) => {
    if (pass === 0) return statistics();
    collectors = new Map();
    const tapOf = (plan: Plan) => updates.get(plan)?.pruned() ?? counting(plan, tensors.get(plan));
    await runs.next(tapOf, (plan, ...step) => {
      if (!updates.has(plan)) onStepOf(pass)(plan, ...step);
    });
    return statistics();
  };
  const scored = await computeMasks([...collectors.keys()], collect, useDevice, meterOf);
  return [...first.tapped.keys()].map((plan): MaskedPlan => {
    const { device, notes } = computedBy.get(plan) ?? { device: "runtime", notes: [] };
    const masked = updates.get(plan)?.masked() ?? withSeconds(scored.get(plan) as Masked, first.seconds);
    return { plan, masked, calibration: runs.calibration, device, notes };
  });
}

/** A session that is there only because others are calibrated. */
const DENSE: SessionTap = { edits: {}, outputNames: new Set(), add: () => {} };

async function begin(plan: Plan, { unfinishedOf }: RunContext): Promise<UpdatesByRun> {
  const { UpdatesByRun } = await import("../prune/update-by-run.js");
  return UpdatesByRun.begin(plan, unfinishedOf(plan) ?? unfinishedInMemory());
}

/** Updates what a run has measured of a file. */
async function finishGroup(
  plan: Plan,
  updates: UpdatesByRun,
  { tapped, seconds }: TappedRun,
  useDevice: UseDevice,
  meter: ProgressMeter,
): Promise<void> {
  const sessionOptions = withoutOutputLocations(tapped.get(plan) ?? {});
  const finish = (device: Device | null) =>
    updates.finishRun({ runtime: hostRuntime(), sessionOptions, device, meter }, seconds);
  await (isAdaptive(plan.options.method) ? finish(null) : useDevice(plan, finish));
}

/** The first run comes before anything is masked. */
const withSeconds = (masked: Masked, first: number): Masked => ({
  ...masked,
  seconds: { ...masked.seconds, calibrate: masked.seconds.calibrate + first },
});

/** A session that runs only within its whole model has no perplexity of its own. */
function refuseVerify(plans: readonly Plan[]): void {
  const verified = plans.find(({ options }) => options.verify);
  if (verified !== undefined) throw cannotVerify(verified.name);
}
