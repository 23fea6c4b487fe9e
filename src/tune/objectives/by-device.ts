/**
 * Objectives that look at weights only, where the device can measure them: then figures are those of all
 * rows of all weights instead of a sample, and scores never leave the device.
 */
import type { Device, MaskFigures } from "../../compute/index.js";
import type { Target } from "../../graph/index.js";
import { scoreMethod } from "../../prune/index.js";
import { methodOf } from "../../score/index.js";
import type { Candidate } from "../candidate.js";
import { candidateJob } from "../masked-weights.js";
import type { Objective } from "../objective.js";
import type { Subject } from "../subject.js";

/** A figure of a mask as a weighted mean over weights. */
interface DeviceForm {
  readonly figure: keyof MaskFigures;
  /** How much a weight counts in the mean. */
  readonly share: (target: Target) => number;
}

/**
 * An objective's `open` that measures on the device where that can measure every weight, and otherwise
 * opens it by sampled rows.
 */
export function byDevice({ figure, share }: DeviceForm, sampled: Objective["open"]): Objective["open"] {
  return async (subject, signal) => {
    const measure = await measureOf(subject);
    if (measure === null) return sampled(subject, signal);
    const { device, plan, targets, statistics } = subject;
    const one = async (target: Target, candidate: Candidate, signal: AbortSignal | undefined) => {
      const job = candidateJob(target, candidate, statistics[candidate.passes - 1]?.get(target), plan.layers);
      const mask = await device.computeMask(job, signal);
      const squares = Float32Array.from(statistics[0]?.get(target)?.sumOfSquares ?? new Float32Array(target.shape.in));
      return (await measure(job, mask, squares, signal))[figure];
    };
    return {
      measure: async (candidate, signal) => {
        const figures = await Promise.all(targets.map((target) => one(target, candidate, signal)));
        const shares = targets.map(share);
        const sum = figures.reduce((sum, own, k) => sum + own * (shares[k] as number), 0);
        return sum / shares.reduce((a, b) => a + b, 0);
      },
      close: async () => {},
    };
  };
}

/** The device's `measure`, where it refuses no weight of the subject, whatever the candidate. */
async function measureOf(subject: Subject): Promise<Measure | null> {
  const { device } = subject;
  return device.measure !== undefined && (await refusalToMeasure(subject)) === null
    ? device.measure.bind(device)
    : null;
}

type Measure = NonNullable<Device["measure"]>;

/**
 * Why the device leaves these objectives to sampled rows though it measures, a clause with the weight; null where
 * it measures all, or nothing at all.
 */
export async function refusalToMeasure({ device, plan, targets, statistics }: Subject): Promise<string | null> {
  if (device.refuseToMeasure === undefined) return null;
  const { pattern, coefficients, passes } = plan;
  const candidate = { method: scoreMethod(plan), pattern, coefficients, passes };
  // A window is what needs most of a device, the largest one that a candidate may have.
  const size = methodOf(scoreMethod(plan)).parameters.find(({ values }) => values === "odd")?.max;
  for (const target of targets) {
    const job = candidateJob(target, candidate, statistics[0]?.get(target), plan.layers);
    const widest = size === undefined ? job : { ...job, terms: { ...job.terms, window: 1, size } };
    const why = await device.refuseToMeasure(widest);
    if (why !== null) return `${target.name}: ${why}`;
  }
  return null;
}
