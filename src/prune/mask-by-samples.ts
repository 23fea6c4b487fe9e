/**
 * Masks for files that calibrate on samples of their own — text, token ids, ready feeds — or on
 * nothing. (`run(pipe)` needs the whole model and lives in hook/.)
 */
import {
  collectStatistics,
  openSamples,
  type Samples,
  type TargetStatistics,
  type Tokenizer,
} from "../calibrate/index.js";
import type { Device, MaskDevice } from "../compute/index.js";
import { isAdaptive } from "../reconstruct/table.js";
import { type Runtime, type SessionOptions, withoutOutputLocations } from "../runtime/index.js";
import { type Unfinished, unfinishedInMemory } from "../store/index.js";
import { type Collect, computeMasks, type Masked, onDevice } from "./masks.js";
import { movesWeights, type Plan } from "./plan.js";
import type { ProgressMeter } from "./progress-meter.js";
import { differsFromRia } from "./verify.js";

/** What calibration needs from outside. */
export interface SampleServices {
  readonly runtime: Runtime;
  readonly sessionOptions: SessionOptions;
  readonly tokenizer: () => Promise<Tokenizer>;
  /** Opens what computes the masks; closed when they are there. */
  readonly openDevice: () => Promise<MaskDevice>;
  /** Where finished parts of updates are put aside; in memory where absent. */
  readonly unfinished?: Unfinished;
}

/** A file with its masks, and in words how they came about. */
export interface MaskedPlan {
  readonly plan: Plan;
  readonly masked: Masked;
  /** What the statistics were collected on. */
  readonly calibration: string;
  /** What computed the masks. */
  readonly device: string;
  /** What did not go as asked for, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Calibrates and masks, one file after the other.
 *
 * @throws PruneError from calibration and the device; the signal's reason when aborted
 */
export async function maskBySamples(
  plans: readonly Plan[],
  services: SampleServices,
  meterOf: (plan: Plan) => ProgressMeter,
): Promise<MaskedPlan[]> {
  const masked: MaskedPlan[] = [];
  for (const plan of plans) {
    const { method, verify } = plan.options;
    // Masks of adaptive methods follow from updates; what verify compares them with are scores.
    if (isAdaptive(method) && !verify) {
      const own = await maskOne(plan, services, null, meterOf(plan));
      masked.push({ ...own, device: "runtime", notes: [] });
      continue;
    }
    const device = await services.openDevice();
    try {
      const own = await maskOne(plan, services, device, meterOf(plan));
      const isScored = !isAdaptive(method) || own.masked.verdict?.kept === "ria";
      masked.push({ ...own, device: isScored ? device.description() : "runtime", notes: device.refusals() });
    } finally {
      await device.close();
    }
  }
  return masked;
}

async function maskOne(
  plan: Plan,
  services: SampleServices,
  device: Device | null,
  meter: ProgressMeter,
): Promise<Pick<MaskedPlan, "plan" | "masked" | "calibration">> {
  const { calibration, verify, signal } = plan.options;
  const { runtime, tokenizer } = services;
  const sessionOptions = withoutOutputLocations(services.sessionOptions);
  let samples: Samples | undefined;
  let dense: TargetStatistics | undefined;
  let inParts = "";
  const collect: Collect = async ([current], tensors, pass) => {
    samples ??= await openSamples(calibration, tokenizer, plan.name);
    const options = { runtime, sessionOptions, edits: { tensors: tensors.get(plan) ?? new Map() } };
    const control = { signal, onSample: meter.samples(samples.total, pass) };
    const collectAll = async (all: Samples) => {
      if (calibration.memory === null) return collectStatistics(plan.model, plan.targets, all, options, control);
      const { collectInParts, describeParts, weightBytesWithin } = await import("../calibrate/collect-in-parts.js");
      const mostBytes = weightBytesWithin(calibration.memory);
      const parted = await collectInParts(plan.model, plan.targets, all, { ...options, mostBytes }, control);
      inParts = describeParts(parted);
      return parted.statistics;
    };
    const statistics = (pass === 0 ? dense : undefined) ?? (await collectAll(samples));
    if (pass === 0) dense = statistics;
    return new Map([[current as Plan, statistics]]);
  };
  const update = async (): Promise<Masked> => {
    const { updateModel } = await import("./update-model.js");
    samples ??= await openSamples(calibration, tokenizer, plan.name);
    const { unfinished = unfinishedInMemory() } = services;
    const { masked, inParts: how } = await updateModel(plan, {
      ...{ runtime, sessionOptions, samples, device, unfinished, meter },
    });
    inParts = how;
    return masked;
  };
  const byScores = async () =>
    (await computeMasks([plan], collect, onDevice(device as Device), () => meter)).get(plan) as Masked;
  const own = await (movesWeights(plan.options) ? update() : byScores());
  const verifying = async () => {
    const judging = { device: device as Device, runtime, sessionOptions, tokenizer, collect, meter };
    return (await import("./verify-masks.js")).verifyMasks(plan, own, judging);
  };
  const masked = verify && differsFromRia(plan) ? await verifying() : own;
  return { plan, masked, calibration: samples === undefined ? "none" : `${samples.description}${inParts}` };
}
