/**
 * How fast this machine does the parts of a prune, from short runs of the real thing: bytes of the source hashed, a few
 * of its weights masked and zeroed, small graphs run. No model is run. All of it takes about two seconds.
 */
import type { Device } from "../compute/index.js";
import type { Target } from "../graph/index.js";
import type { Mask } from "../pattern/index.js";
import { isAdaptive } from "../reconstruct/table.js";
import { type ForwardSpeeds, forwardSpeeds, type Runtime, type SessionOptions } from "../runtime/index.js";
import { hashSpeed } from "../store/folders.js";
import { maskEdits, maskJob } from "./masks.js";
import type { Plan } from "./plan.js";
import { riaPlan } from "./verify.js";

/** What this machine does in a second. */
export interface Speeds {
  /** Bytes read and hashed. */
  readonly hash: number;
  /** Weights masked, by all threads together. */
  readonly mask: number;
  /** Weights read and zeroed to be written. */
  readonly zero: number;
  /** What the runtime does; null where it has nothing to run. */
  readonly forward: ForwardSpeeds | null;
}

/** What the measurements need from outside. */
export interface SpeedServices {
  readonly device: Device;
  readonly runtime: Runtime;
  readonly sessionOptions: SessionOptions;
}

/** Weights that are masked to see how long it takes: enough for a tenth of a second or so. */
const MOST_WEIGHTS = 2 ** 25;

/** What is taken for the bytes of a model that is no file: as fast as a slow disk. */
const UNKNOWN_HASH_SPEED = 5e8;

/**
 * Measures what a plan's work runs at.
 *
 * @throws PruneError for weights that cannot be masked, as the prune itself would; the signal's reason when aborted
 */
export async function measureSpeeds(plan: Plan, services: SpeedServices): Promise<Speeds> {
  const { device, runtime, sessionOptions } = services;
  const { signal } = plan.options;
  const { path } = plan.model.onnx.source;
  const [first, ...others] = sampleOf(plan.targets, device.concurrency);
  if (first === undefined) throw new Error("a plan without targets has no speed");
  const masks = new Map<Target, Mask>();
  // Methods whose masks follow from updates mask nothing; what they would be verified against does.
  const scoring = isAdaptive(plan.options.method) ? riaPlan(plan) : plan;
  const maskAll = (targets: readonly Target[]) =>
    Promise.all(
      targets.map(async (target) => {
        masks.set(target, await device.computeMask(maskJob(scoring, target, anyStatistics(target)), signal));
      }),
    );
  // Starts every thread, and brings the file into memory where it would be after hashing.
  await maskAll(Array.from({ length: device.concurrency }, () => first));
  const sample = others.length === 0 ? [first] : others;
  const mask = await perSecond(weightsOf(sample), () => maskAll(sample));
  const zero = await zeroSpeed(masks);
  return {
    hash: path === undefined ? UNKNOWN_HASH_SPEED : await hashSpeed(path, signal),
    mask,
    zero,
    forward: plan.calibrated || plan.options.verify ? await forwardSpeeds(runtime, sessionOptions) : null,
  };
}

/** Weights zeroed a second: the median over the weights, once the code is warm. */
async function zeroSpeed(masks: ReadonlyMap<Target, Mask>): Promise<number> {
  const edits = [...maskEdits(masks).values()];
  const sizes = [...masks.keys()].map(sizeOf);
  const round = async () => {
    const speeds: number[] = [];
    for (const [i, edit] of edits.entries())
      speeds.push(await perSecond(sizes[i] as number, async () => edit.kind === "bytes" && edit.bytes()));
    return speeds.sort((a, b) => a - b)[speeds.length >> 1] as number;
  };
  await round();
  return round();
}

/** A weight to warm up with and those to time: of middling size, a few for each thread, as far as they are not too large. */
function sampleOf(targets: readonly Target[], threads: number): readonly Target[] {
  const bySize = [...targets].sort((a, b) => sizeOf(a) - sizeOf(b));
  const middle = Math.max(0, Math.floor((bySize.length - 4 * threads) / 2));
  const chosen: Target[] = bySize.slice(0, 1);
  let total = 0;
  for (const target of bySize.slice(Math.max(1, middle), middle + 4 * threads)) {
    total += sizeOf(target);
    if (chosen.length > threads && total > MOST_WEIGHTS) break;
    chosen.push(target);
  }
  return chosen;
}

const sizeOf = ({ shape }: Target): number => shape.out * shape.in;
const weightsOf = (targets: readonly Target[]): number => targets.reduce((sum, target) => sum + sizeOf(target), 0);

/** Statistics that any method takes: which they are changes masks, and not how long they take. */
const anyStatistics = ({ shape }: Target) => ({
  tokens: 2,
  sum: new Float64Array(shape.in).fill(1),
  sumOfSquares: new Float64Array(shape.in).fill(1),
});

async function perSecond(amount: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return amount / Math.max(1e-6, (performance.now() - start) / 1000);
}
