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
import { createCpuDevice } from "../compute/index.js";
import type { Runtime, SessionOptions } from "../runtime/index.js";
import { type Collect, computeMasks, type Masked } from "./masks.js";
import type { Plan } from "./plan.js";
import type { ProgressMeter } from "./progress-meter.js";

/** What calibration needs from outside. */
export interface SampleServices {
  readonly runtime: Runtime;
  readonly sessionOptions: SessionOptions;
  readonly tokenizer: () => Promise<Tokenizer>;
  /** Threads that compute masks; the device's choice where absent. */
  readonly threads?: number | undefined;
}

/** A file with its masks and, in words, what its statistics were collected on. */
export interface MaskedPlan {
  readonly plan: Plan;
  readonly masked: Masked;
  readonly calibration: string;
}

/**
 * Calibrates and masks.
 *
 * @throws PruneError from calibration and the device; the signal's reason when aborted
 */
export async function maskBySamples(
  plans: readonly Plan[],
  services: SampleServices,
  meterOf: (plan: Plan) => ProgressMeter,
): Promise<MaskedPlan[]> {
  const samplesOf = new Map<Plan, Samples>();
  const collect: Collect = async (calibrated, tensors, pass) => {
    const all = new Map<Plan, TargetStatistics>();
    for (const plan of calibrated) {
      const samples =
        samplesOf.get(plan) ?? (await openSamples(plan.options.calibration, services.tokenizer, plan.name));
      samplesOf.set(plan, samples);
      const options = {
        ...services,
        sessionOptions: withoutOutputs(services.sessionOptions),
        tensors: tensors.get(plan) ?? new Map(),
      };
      const statistics = await collectStatistics(plan.model, plan.targets, samples, options, {
        signal: plan.options.signal,
        // A stream has no total: its bar stands still while the count goes on.
        onSample: (done) =>
          meterOf(plan).step(
            "calibrate",
            samples.total === null ? 0 : done,
            samples.total ?? 1,
            `sample ${done}`,
            pass,
          ),
      });
      all.set(plan, statistics);
    }
    return all;
  };
  const device = createCpuDevice(services.threads === undefined ? {} : { threads: services.threads });
  try {
    const masked = await computeMasks(plans, collect, device, meterOf);
    return plans.map((plan) => ({
      plan,
      masked: masked.get(plan) as Masked,
      calibration: samplesOf.get(plan)?.description ?? "none",
    }));
  } finally {
    await device.close();
  }
}

/** The tapped graph has none of the model's own outputs, so nothing may be said of where they go. */
function withoutOutputs({ preferredOutputLocation: _, ...options }: SessionOptions): SessionOptions {
  return options;
}
