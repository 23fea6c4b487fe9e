/**
 * One activation and the weights that read it: what they are held to, their masks, their updates and repairs, and
 * the bytes that come of it. All of it is in memory together; only stored bytes and small vectors stay behind.
 */
import type { ComputedMask, Device } from "../compute/index.js";
import { decodeValues, type Norm, readValues, resolveCoding, type Target } from "../graph/index.js";
import type { Dense, Products } from "../linalg/products.js";
import { diagonalOf, type SecondMoments } from "../linalg/second-moments.js";
import { readOwnTensor } from "../onnx/index.js";
import { keptBytes, maskOfKept } from "../pattern/index.js";
import type { UpdatedWeight, WeightJob } from "../reconstruct/job.js";
import { layerError, outputEnergy } from "../reconstruct/layer-error.js";
import { LayerInput } from "../reconstruct/layer-input.js";
import { rowErrors } from "../reconstruct/least-squares.js";
import { obs, roundOntoGrid } from "../reconstruct/obs.js";
import {
  biasShift,
  type NormProblem,
  repairByLeastSquares,
  rowScales,
  scaleRows,
} from "../reconstruct/repairs/index.js";
import { DEFAULT_PARAMETERS, isAdaptive, reconstructionOf } from "../reconstruct/table.js";
import { encodeValues } from "../rewrite/encode-values.js";
import { gridOf } from "../tensor/grid.js";
import { imitation } from "./imitation.js";
import { maskJob } from "./masks.js";
import type { Plan } from "./plan.js";

/** What calibration saw of one activation. */
export interface LayerReading {
  /** The weights that read it; they have the same input channels. */
  readonly targets: readonly Target[];
  /** Of the activation as the pruned layers before leave it. */
  readonly moments: SecondMoments;
  /** The same with the activation of the dense model; null where layers are held to their own weights. */
  readonly imitated: ImitatedReading | null;
  /** What weights are held to where something else has decided that, [out, in]. */
  readonly goals?: ReadonlyMap<Target, Float32Array>;
  /** Layers whose means are to be repaired by a bias. */
  readonly shifted: ReadonlySet<Target>;
  /** The norm whose output it is, where these weights alone read that. */
  readonly norm: Norm | null;
}

/** What the dense model has in the place of an activation. */
export interface ImitatedReading {
  /** Σ x′ xᵀ, [in of x′, in of x]: x of the dense model, x′ of the pruned one. */
  readonly cross: Dense;
  /** For layers whose output is added to something: Σ (r − r′) x′ᵀ, [out, in], r being what it is added to. */
  readonly residuals: ReadonlyMap<Target, Dense>;
}

/** A weight that is done. */
export interface UpdatedLayerWeight {
  readonly target: Target;
  readonly mask: ComputedMask;
  /** As the file is to have it. */
  readonly stored: Uint8Array;
  /** As `UpdatedTarget` has it, repairs included. */
  readonly error: number;
  /** Calibration tokens that reached it. */
  readonly tokens: number;
  /** What is to be added to the layer's output, [out]; null unless it is to be repaired. */
  readonly shift: Float32Array | null;
}

/** A layer that is done. */
export interface UpdatedLayer {
  readonly weights: readonly UpdatedLayerWeight[];
  /** What the norm's weight is to be multiplied with, [in]. */
  readonly norm: { readonly norm: Norm; readonly factors: Float32Array } | null;
  readonly notes: readonly string[];
}

/** What updating a layer needs. */
export interface UpdateServices {
  /** Computes the masks of methods that score; null for others. */
  readonly device: Device | null;
  readonly products: Products;
  /** Hears of each weight that is done. */
  readonly onWeight: (target: Target) => void;
}

/**
 * Updates all weights that read one activation.
 *
 * @throws PruneError `bad-weight`, `bad-statistics`, and whatever the device says; the signal's reason
 */
export async function updateLayer(plan: Plan, reading: LayerReading, services: UpdateServices): Promise<UpdatedLayer> {
  const { signal, damping, repair } = plan.options;
  const { targets, moments, norm } = reading;
  const label = targets.map(({ name }) => name).join(", ");
  const input = new LayerInput(moments, services.products, { damping, label, ...(signal && { signal }) });
  const goalOf = imitation(reading, services.products, signal);
  const done: { readonly target: Target; readonly goal: Float32Array; readonly updated: Stored }[] = [];
  for (const target of targets) {
    signal?.throwIfAborted();
    const goal = reading.goals?.get(target) ?? (await goalOf(target, await readValues(target)));
    const { job, updated } = await updateValues(plan, target, goal, input, services);
    done.push({ target, goal, updated: await storedOf(target, job, updated, input) });
    services.onWeight(target);
  }
  const readers = done.map(({ target, goal, updated }) => ({
    shape: target.shape,
    dense: goal,
    pruned: updated.values,
  }));
  const factors =
    norm !== null && repair.includes("norm") ? await factorsOf({ readers, moments }, services.products, signal) : null;
  const weights: UpdatedLayerWeight[] = [];
  for (const { target, goal, updated } of done)
    weights.push(await finished(target, goal, updated, factors, input, reading.shifted.has(target)));
  const used = (await input.usedDamping()) ?? damping;
  return {
    weights,
    norm: factors === null || norm === null ? null : { norm, factors },
    notes: used > damping ? [`damping rose to ${used} for ${label}: with ${damping} its moments have no inverse`] : [],
  };
}

/** A weight that is held to some values, updated and repaired; not yet as the file stores it. */
export async function updateValues(
  plan: Plan,
  target: Target,
  goal: Float32Array,
  input: LayerInput,
  services: Pick<UpdateServices, "device">,
) {
  const job = await weightJob(plan, target, goal, input.moments, services);
  return { job, updated: await repaired(plan, job, await reconstructed(plan, job, input), input) };
}

async function factorsOf(
  problem: NormProblem,
  products: Products,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { normFactors } = await import("../reconstruct/repairs/norm.js");
  return Float32Array.from(await normFactors(problem, products, { signal }));
}

/** What an update is told; with the method's mask of what the weight is held to. */
async function weightJob(
  plan: Plan,
  target: Target,
  goal: Float32Array,
  moments: SecondMoments,
  { device }: Pick<UpdateServices, "device">,
): Promise<WeightJob & { readonly retained: number | null }> {
  const { shape, order, name: label } = target;
  const { signal, method } = plan.options;
  const coding = await resolveCoding(target);
  const grid = coding.kind === "float" ? null : gridOf(coding, shape, order);
  const job = { label, shape, values: goal, pattern: plan.pattern, grid };
  if (isAdaptive(method) || device === null) return { ...job, kept: null, retained: null };
  const { tokens, sum } = moments;
  const statistics = { tokens, sum, sumOfSquares: diagonalOf(moments) };
  const read = async () => new Uint8Array(goal.buffer, goal.byteOffset, goal.byteLength);
  const scored = {
    ...maskJob(plan, target, statistics),
    ...({ bytes: { kind: "memory", read }, dtype: "float32", order: "out-in" } as const),
  };
  const mask = await device.computeMask(scored, signal);
  return { ...job, kept: keptBytes(mask), retained: mask.retained };
}

/** What moves after the mask. */
async function reconstructed(plan: Plan, job: WeightJob, input: LayerInput): Promise<UpdatedWeight> {
  const { reconstruct, parameters, blockSize } = plan.options;
  if (reconstruct === null) {
    const kept = job.kept as Uint8Array;
    return { values: job.values.map((value, k) => (kept[k] === 0 ? 0 : value)), kept };
  }
  const { choosesMask, load } = reconstructionOf(reconstruct);
  // What refines a mask needs one; an adaptive method has it only with its own update.
  const start = !choosesMask && job.kept === null ? (await obs(job, input, { blockSize })).kept : job.kept;
  return (await load())({ ...job, kept: start }, input, { ...DEFAULT_PARAMETERS, ...parameters, blockSize });
}

/** Repairs of weights; on the grid of its codes where it has one. */
async function repaired(plan: Plan, job: WeightJob, first: UpdatedWeight, input: LayerInput): Promise<UpdatedWeight> {
  const updated = await repairedFreely(plan, job, first, input);
  const onGrid = await roundOntoGrid(job, updated.values, updated.kept, input);
  if (job.grid === null || updated === first) return onGrid;
  // Rounding can take more than a repair gave: of each row the better stays.
  return betterRows(job, await roundOntoGrid(job, first.values, first.kept, input), onGrid, input);
}

/** Row by row the result with less error; both have one mask. */
async function betterRows(
  job: WeightJob,
  a: UpdatedWeight,
  b: UpdatedWeight,
  input: LayerInput,
): Promise<UpdatedWeight> {
  const { out: rows, in: columns } = job.shape;
  const errorsOf = ({ values }: UpdatedWeight) =>
    rowErrors({ rows, columns, values: job.values.map((value, k) => value - (values[k] as number)) }, input);
  const [errorsA, errorsB] = [await errorsOf(a), await errorsOf(b)];
  const values = b.values.slice();
  for (let o = 0; o < rows; o++)
    if ((errorsA[o] as number) < (errorsB[o] as number))
      values.set(a.values.subarray(o * columns, (o + 1) * columns), o * columns);
  return { values, kept: b.kept };
}

/** Repairs of weights, wherever they lead. */
async function repairedFreely(
  plan: Plan,
  job: WeightJob,
  first: UpdatedWeight,
  input: LayerInput,
): Promise<UpdatedWeight> {
  const { repair, damping, signal } = plan.options;
  let updated = first;
  if (repair.includes("least-squares")) updated = await repairByLeastSquares(job, updated, input, { damping, signal });
  if (repair.includes("scale")) {
    const scales = await rowScales({ shape: job.shape, dense: job.values, pruned: updated.values }, input);
    updated = { ...updated, values: scaleRows(updated.values, scales) };
  }
  return updated;
}

/** A weight as it will be stored. */
interface Stored {
  readonly bytes: Uint8Array;
  /** What these bytes stand for, [out, in]. */
  readonly values: Float32Array;
  readonly mask: ComputedMask;
}

async function storedOf(
  target: Target,
  { values: goal, kept: scored, retained }: WeightJob & { readonly retained: number | null },
  { values: moved, kept }: UpdatedWeight,
  input: LayerInput,
): Promise<Stored> {
  const values = withUnseen(moved, kept, goal, input.diagonal());
  const coding = await resolveCoding(target);
  const bytes = encodeValues(values, kept, coding, target, await readOwnTensor(target.tensor));
  const mask = maskOfKept(kept, target.shape, target.order);
  const isScored = scored?.every((one, k) => one === kept[k]) ?? false;
  return {
    bytes,
    // What half floats and codes cannot say is lost here, and errors and means are of what is stored.
    values: coding.kind === "float" && coding.dtype === "float32" ? values : decodeValues(bytes, coding, target),
    // By scores only as long as the mask is theirs.
    mask: { ...mask, retained: (isScored ? retained : null) ?? retainedOf(goal, kept, input.diagonal()) },
  };
}

/** Updates set to 0 what no token of the calibration has reached; others may, so what is kept of it stays as it was. */
function withUnseen(values: Float32Array, kept: Uint8Array, goal: Float32Array, diagonal: Float64Array): Float32Array {
  if (!diagonal.includes(0)) return values;
  const { length: channels } = diagonal;
  return values.map((value, k) => (diagonal[k % channels] === 0 && kept[k] === 1 ? (goal[k] as number) : value));
}

/** Share of Σ |w| · ‖x‖ that stays: what a mask has where its method gives no scores. */
function retainedOf(values: Float32Array, kept: Uint8Array, diagonal: Float64Array): number {
  const norms = diagonal.map(Math.sqrt);
  const channels = norms.length;
  let [whole, stays] = [0, 0];
  for (let k = 0; k < values.length; k++) {
    const score = Math.abs(values[k] as number) * (norms[k % channels] as number);
    whole += score;
    if (kept[k] === 1) stays += score;
  }
  return whole === 0 ? 1 : stays / whole;
}

/** Error and shift of a weight behind its norm, which may have other factors now. */
async function finished(
  target: Target,
  goal: Float32Array,
  { bytes, values, mask }: Stored,
  factors: Float32Array | null,
  input: LayerInput,
  wantsShift: boolean,
): Promise<UpdatedLayerWeight> {
  const { in: channels } = target.shape;
  const effective = factors === null ? values : values.map((value, k) => value * (factors[k % channels] as number));
  const { sum, tokens } = input.moments;
  const mean = sum.map((one) => one / tokens);
  const shift = wantsShift ? biasShift({ shape: target.shape, dense: goal, pruned: effective, mean }) : null;
  const error = await layerError(goal, effective, input);
  return {
    target,
    mask,
    stored: bytes,
    error: shift === null ? error : Math.max(0, error - (await errorTakenBy(shift, goal, input))),
    tokens,
    shift: shift && Float32Array.from(shift),
  };
}

/** The part of the error that a bias takes away: the mean output that was lost, of all tokens, by the output of the layer. */
async function errorTakenBy(shift: Float64Array, goal: Float32Array, input: LayerInput): Promise<number> {
  const whole = await outputEnergy(goal, input);
  const lost = input.moments.tokens * shift.reduce((sum, one) => sum + one * one, 0);
  return whole === 0 ? 0 : lost / whole;
}
