/**
 * Statistics to masks, pass after pass: pass n collects statistics on the model as pass n − 1 pruned
 * it and scores the same dense weights again. Pruned tensors of a pass go to the runtime from memory.
 */
import type { TargetStatistics } from "../calibrate/index.js";
import type { ComputedMask, Device, MaskJob, StoredBytes } from "../compute/index.js";
import { resolveCoding, type Target } from "../graph/index.js";
import {
  byteLengthOf,
  type ModelEdits,
  type OnnxTensor,
  readOwnTensor,
  readTensor,
  type TensorEdit,
} from "../onnx/index.js";
import type { Mask } from "../pattern/index.js";
import { writeZeros } from "../rewrite/index.js";
import { type ChannelStatistics, channelFactor, coefficientsOf, depthOf, methodOf } from "../score/index.js";
import type { QuantisedCoding } from "../tensor/coding.js";
import { type Plan, scoreMethod } from "./plan.js";
import type { ProgressMeter } from "./progress-meter.js";
import type { Updates } from "./updated.js";
import type { Verdict } from "./verify.js";

/** Edits of tensors, as the writer and the runtime take them. */
export type TensorEdits = NonNullable<ModelEdits["tensors"]>;

/** The masks of one file, and how they came about. */
export interface Masked {
  readonly masks: ReadonlyMap<Target, ComputedMask>;
  /** What moved besides; null where kept weights stay as they are. */
  readonly updates: Updates | null;
  /** null where the method needs no calibration. */
  readonly statistics: TargetStatistics | null;
  readonly seconds: { readonly calibrate: number; readonly mask: number; readonly update: number };
  /** Where the masks were compared with RIA's: what came of it. */
  readonly verdict?: Verdict;
}

/** Collects statistics of the plans' targets on models in which the given tensors are replaced. */
export type Collect = (
  plans: readonly Plan[],
  tensors: ReadonlyMap<Plan, TensorEdits>,
  pass: number,
) => Promise<ReadonlyMap<Plan, TargetStatistics>>;

/** Lends the device that masks a plan, for as long as `work` takes. */
export type UseDevice = <T>(plan: Plan, work: (device: Device) => Promise<T>) => Promise<T>;

/** One device for all plans, which stays open. */
export const onDevice =
  (device: Device): UseDevice =>
  (_, work) =>
    work(device);

/**
 * Masks for all plans, which are calibrated together (the session files of one model) or alone. A
 * plan that asks for fewer passes than another keeps the masks of its last.
 *
 * @throws whatever `collect` and the device throw, the signal's reason included
 */
export async function computeMasks(
  plans: readonly Plan[],
  collect: Collect,
  useDevice: UseDevice,
  meterOf: (plan: Plan) => ProgressMeter,
): Promise<ReadonlyMap<Plan, Masked>> {
  const masked = new Map<Plan, Masked>();
  for (let pass = 0; ; pass++) {
    const current = plans.filter((plan) => plan.passes > pass);
    if (current.length === 0) return masked;
    const calibrated = current.filter((plan) => plan.calibrated);
    const tensors = new Map([...masked].map(([plan, { masks }]) => [plan, maskEdits(masks)] as const));
    const start = performance.now();
    const statistics = calibrated.length === 0 ? new Map() : await collect(calibrated, tensors, pass);
    const collected = (performance.now() - start) / 1000;
    for (const plan of current) {
      const before = masked.get(plan)?.seconds ?? { calibrate: 0, mask: 0, update: 0 };
      const own: TargetStatistics | null = statistics.get(plan) ?? null;
      const maskStart = performance.now();
      const onMask = (done: number, item: string) => meterOf(plan).step("mask", done, plan.targets.length, item, pass);
      const masks = await useDevice(plan, (device) => maskTargets(plan, own, device, onMask));
      const seconds = {
        calibrate: before.calibrate + (plan.calibrated ? collected : 0),
        mask: before.mask + (performance.now() - maskStart) / 1000,
        update: 0,
      };
      masked.set(plan, { masks, updates: null, statistics: own, seconds });
    }
  }
}

/** One mask per target, computed side by side as far as the device goes. */
async function maskTargets(
  plan: Plan,
  statistics: TargetStatistics | null,
  device: Device,
  onMask: (done: number, weight: string) => void,
): Promise<ReadonlyMap<Target, ComputedMask>> {
  const { signal } = plan.options;
  const masks = new Map<Target, ComputedMask>();
  const one = async (target: Target): Promise<void> => {
    const mask = await device.computeMask(maskJob(plan, target, statistics?.get(target)), signal);
    masks.set(target, mask);
    onMask(masks.size, target.name);
  };
  await Promise.all(plan.targets.map(one));
  // In file order, whatever order the device finished in.
  return new Map(plan.targets.map((target) => [target, masks.get(target) as ComputedMask]));
}

/**
 * What a device is told to mask a target by its plan.
 *
 * @throws PruneError `bad-calibration` where the method needs statistics and there are none
 */
export function maskJob(plan: Plan, target: Target, statistics: ChannelStatistics | undefined): MaskJob {
  const { pattern, coefficients, layers } = plan;
  const own = coefficientsOf(coefficients, { kind: target.kind, depth: depthOf(target.layer, layers) });
  const terms = methodOf(scoreMethod(plan)).terms(own, target.shape);
  return {
    label: target.name,
    ...weightBytes(target),
    shape: target.shape,
    order: target.order,
    terms,
    channelFactor: channelFactor(terms, target.shape.in, statistics, target.name),
    pattern,
  };
}

/** Where the device finds the floats of a target: stored as such, or behind codes; in its file, or in memory. */
export function weightBytes(target: Target): Pick<MaskJob, "bytes" | "dtype"> {
  const { coding, tensor } = target;
  const { data } = tensor;
  const stored: StoredBytes =
    data.kind === "raw" && data.payload.source.path !== undefined
      ? {
          kind: "file",
          path: data.payload.source.path,
          byteOffset: data.payload.offset,
          byteLength: data.payload.length,
        }
      : { kind: "memory", read: () => readTensor(tensor) };
  if (coding.kind === "float") return { bytes: stored, dtype: coding.dtype };
  const resolved = async () => (await resolveCoding(target)) as QuantisedCoding;
  return { bytes: { kind: "codes", stored, coding: resolved }, dtype: "float32" };
}

/**
 * Edits that write zeros where masks have them. Bytes are read and masked when they are asked for.
 *
 * @param onZeros hears how many zeros stand in a masked tensor, as it passes
 */
export function maskEdits(
  masks: ReadonlyMap<Target, Mask>,
  onZeros?: (target: Target, zeros: number) => void,
): ReadonlyMap<OnnxTensor, TensorEdit> {
  const edits = new Map<OnnxTensor, TensorEdit>();
  for (const [target, mask] of masks) {
    const { tensor } = target;
    const bytes = () => readMasked(target, mask, onZeros);
    edits.set(tensor, { kind: "bytes", byteLength: byteLengthOf(tensor.dataType, tensor.dims), bytes });
  }
  return edits;
}

/**
 * Reads the bytes of a weight and writes zeros where the mask has them.
 *
 * @param onZeros see {@link maskEdits}
 */
export async function readMasked(
  target: Target,
  mask: Mask,
  onZeros?: (target: Target, zeros: number) => void,
): Promise<Uint8Array> {
  const stored = await readOwnTensor(target.tensor);
  const zeros = writeZeros(stored, await resolveCoding(target), mask);
  onZeros?.(target, zeros);
  return stored;
}
