/**
 * The WebGPU device: WGSL kernels (kernels/) on a GPUDevice, the host's or one of our own. This file says how
 * jobs are taken, how many at once, and what becomes of errors; plan.ts says how a weight is masked, and
 * mask-weight.ts does it.
 */
import { PruneError } from "../../errors.js";
import type { Mask } from "../../pattern/index.js";
import type { QuantisedCoding } from "../../tensor/coding.js";
import { storedDims } from "../../tensor/matrix.js";
import { badValuesError, checkJob, checkStored, describeError, deviceError } from "../check-job.js";
import type { ComputedMask, Device, MaskFigures, MaskJob } from "../device.js";
import type { AcquiredGpu } from "./acquired-gpu.js";
import { applyMaskOn } from "./apply-mask.js";
import { DeviceLost, Gpu } from "./gpu.js";
import { maskWeight } from "./mask-weight.js";
import { measureMask } from "./measure-mask.js";
import { PassTimer } from "./pass-timer.js";
import { type DeviceLimits, type Plan, planJob } from "./plan.js";
import { findBadValues, judgeRange, type SeenRange } from "./range.js";
import { elementLayout, scaleTable, storedForm } from "./scales.js";
import { readStored } from "./stored-bytes.js";
import { type Traffic, trafficOf } from "./traffic.js";
import { Turns } from "./turns.js";
import { WeightRun } from "./weight-run.js";
import { Work } from "./work.js";

export { requestGpu } from "./acquire.node.js";
export type { AcquiredGpu } from "./acquired-gpu.js";

const NAME = "webgpu";
/** Weights that are worked on at once: while one computes, the next is read and sent. */
const CONCURRENCY = 2;
/** Bytes of the device's memory that are used where nobody says otherwise. */
const MEMORY = 2 ** 30;

/** What a job took. */
export interface JobFigures {
  /** Seconds of its kernels by the GPU's clock, null where that cannot be read. */
  readonly kernelSeconds: number | null;
  readonly traffic: Traffic;
}

export interface WebGpuOptions {
  /** Brings the GPU when the first job needs it, and another one where it was lost (acquire.node.ts). */
  readonly acquire: () => Promise<AcquiredGpu>;
  /** Bytes of the device's memory that may be used; 1 GiB by default. */
  readonly memory?: number;
  /** Hears what each job took, for benchmarks. */
  readonly onFigures?: (job: MaskJob, figures: JobFigures) => void;
  /** Less than the device's own limits. */
  readonly limits?: Partial<
    Pick<DeviceLimits, "maxStorageBufferBindingSize" | "maxComputeWorkgroupStorageSize" | "sliceRows">
  >;
}

/** What this device does besides masks: the weight is on the GPU, or would be there anyway. */
export interface WebGpuDevice extends Required<Device> {
  /**
   * The stored floats of a weight with exact zeros where the mask has 0. For hosts that hold weights on the
   * GPU; pruning a model does not call it: it writes zeros where it writes the model.
   *
   * @param job its label and dtype count; `stored` are little-endian floats in the mask's storage order, not changed
   * @throws PruneError `bad-model` where bytes are missing; `device`
   */
  apply(
    job: Pick<MaskJob, "label" | "dtype">,
    stored: Uint8Array,
    mask: Mask,
    signal?: AbortSignal,
  ): Promise<Uint8Array>;
}

/**
 * The device that runs where there is WebGPU. Weights larger than its buffers may be go in slices of output
 * rows; each of the two jobs that run at once holds half of `memory` at most. Bytes in files are read whole.
 *
 * A lost device is acquired again once for each job, if it was our own; errors name the weight.
 */
export function createWebGpuDevice(options: WebGpuOptions): WebGpuDevice {
  return new MaskingGpu(options);
}

/** The weight that an error is about. */
type Named = Pick<MaskJob, "label" | "shape">;

class MaskingGpu implements WebGpuDevice {
  readonly name = NAME;
  readonly concurrency = CONCURRENCY;
  private readonly turns = new Turns(CONCURRENCY);
  private gpu: Promise<Gpu> | undefined;
  private isClosed = false;

  constructor(private readonly options: WebGpuOptions) {}

  async refuse(job: MaskJob): Promise<string | null> {
    const gpu = await this.current(job);
    // Codes are not read for this: they are taken for floats, which have more bits than any code.
    const planned = this.planFor(gpu, job, null);
    return typeof planned === "string" ? planned : null;
  }

  async computeMask(job: MaskJob, signal?: AbortSignal): Promise<ComputedMask> {
    checkJob(job);
    return this.turns.take(async () => {
      signal?.throwIfAborted();
      return this.retried(job, (gpu) => this.compute(gpu, job, signal), signal);
    });
  }

  refuseToMeasure(job: MaskJob): Promise<string | null> {
    return this.refuse(job);
  }

  async measure(job: MaskJob, mask: Mask, squares: Float32Array, signal?: AbortSignal): Promise<MaskFigures> {
    checkJob(job);
    // Scores of N:M are written by no kernel of its own: its groups do not matter here, its mask is given.
    const byRows: MaskJob = { ...job, pattern: { kind: "unstructured", sparsity: 0, scope: "row" } };
    const act = (gpu: Gpu) =>
      this.onWeight(gpu, byRows, signal, async (run) => {
        const { range, ...result } = await measureMask(run, mask.bits, squares);
        return { range, result };
      });
    return this.turns.take(() => this.retried(job, act, signal));
  }

  async apply(
    { label, dtype }: Pick<MaskJob, "label" | "dtype">,
    stored: Uint8Array,
    mask: Mask,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const { shape, order } = mask;
    checkStored({ label, dtype, shape, order }, null, stored.byteLength);
    const act = async (gpu: Gpu) => {
      const work = new Work(gpu, signal);
      try {
        const { maxStorageBufferBindingSize, memory } = this.limitsOf(gpu);
        // Of weights, of their copy that is read, and of their mask; buckets add a quarter at most.
        return await applyMaskOn(work, stored, dtype, mask.bits, Math.min(maxStorageBufferBindingSize, memory / 3));
      } finally {
        await work.end();
      }
    };
    return this.turns.take(() => this.retried({ label, shape }, act, signal));
  }

  /** Waits for the jobs that run; those that wait for their turn end with an error, and so do all later ones. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.turns.idle();
    const gpu = await this.gpu?.catch(() => undefined);
    this.gpu = undefined;
    gpu?.close();
  }

  /** Acts on the GPU; where it is lost meanwhile, once more on another. Failures become device errors. */
  private async retried<T>(job: Named, act: (gpu: Gpu) => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const gpu = await this.current(job);
      try {
        return await act(gpu);
      } catch (thrown) {
        if (thrown instanceof PruneError || signal?.aborted) throw thrown;
        const error = await gpu.explain(thrown);
        if (!(error instanceof DeviceLost))
          throw deviceError(NAME, job, describeError(error), "exclude it, or mask on the cpu", error);
        if (!gpu.acquired.owned)
          throw deviceError(
            NAME,
            job,
            `the host's device was lost: ${error.message}`,
            "load the model again, or mask on the cpu",
            error,
          );
        if (attempt > 0) throw deviceError(NAME, job, `lost twice: ${error.message}`, "mask on the cpu", error);
      }
    }
  }

  /** The GPU, acquired anew where the last one was lost; none once the device is closed. */
  private async current(job: Named): Promise<Gpu> {
    try {
      const known = this.gpu;
      const gpu = await known;
      if (this.isClosed) throw deviceError(NAME, job, "the device is closed", "create another one");
      if (gpu !== undefined && !(gpu.isLost && gpu.acquired.owned)) return gpu;
      // Of several jobs that find it lost, the first one acquires for all.
      if (this.gpu === known) this.gpu = undefined;
      this.gpu ??= this.acquire();
      return await this.gpu;
    } catch (error) {
      if (error instanceof PruneError) throw error;
      throw deviceError(NAME, job, describeError(error), "mask on the cpu", error);
    }
  }

  /** Another GPU; a failure is forgotten, so that later jobs try again. */
  private acquire(): Promise<Gpu> {
    const next = this.options.acquire().then((acquired) => new Gpu(acquired, this.options.memory ?? MEMORY));
    next.catch(() => {
      if (this.gpu === next) this.gpu = undefined;
    });
    return next;
  }

  private compute(gpu: Gpu, job: MaskJob, signal?: AbortSignal): Promise<ComputedMask> {
    return this.onWeight(gpu, job, signal, async (run, timer) => {
      const { bits, retained, range } = await maskWeight(run);
      const { onFigures } = this.options;
      onFigures?.(job, { kernelSeconds: (await timer?.seconds()) ?? null, traffic: trafficOf(run.plan) });
      return { range, result: { shape: job.shape, order: job.order, bits, retained } };
    });
  }

  /** Reads the weight and acts on it; once more, moved by a power of two, where its values turn out to be extreme. */
  private async onWeight<T>(
    gpu: Gpu,
    job: MaskJob,
    signal: AbortSignal | undefined,
    act: (run: WeightRun, timer: PassTimer | null) => Promise<{ readonly range: SeenRange; readonly result: T }>,
  ): Promise<T> {
    const { bytes, label, shape, order, dtype } = job;
    const coding = bytes.kind === "codes" ? await bytes.coding() : null;
    const stored = await readStored(label, bytes.kind === "codes" ? bytes.stored : bytes);
    checkStored(job, coding, stored.byteLength);
    const plan = this.planFor(gpu, job, coding);
    if (typeof plan === "string") throw deviceError(NAME, job, plan, "mask on the cpu");
    const [rows, columns] = storedDims(shape, order);
    const table = coding === null ? null : scaleTable(coding);
    if (table?.suspicious) refuseBadValues(job, stored, coding);
    const { stored: form, scaleColumns } = storedForm(coding, dtype, rows, columns);
    const scales = table?.pairs ?? null;
    for (let shift = table?.shift ?? 0; ; ) {
      const timer = this.options.onFigures === undefined ? null : PassTimer.on(gpu.device);
      const work = new Work(gpu, signal, timer);
      try {
        const input = { stored, form, coding, scales, scaleColumns, factor: job.channelFactor, shift };
        const { range, result } = await act(new WeightRun(work, plan, input), timer);
        const verdict = judgeRange(range);
        if (verdict === "bad") refuseBadValues(job, stored, coding);
        if (verdict === "bad" || verdict === 0 || shift !== 0 || coding !== null) return result;
        shift = verdict;
      } finally {
        await work.end();
      }
    }
  }

  private planFor(gpu: Gpu, job: MaskJob, coding: QuantisedCoding | null): Plan | string {
    const { shape, order, terms, pattern, dtype } = job;
    const [, columns] = storedDims(shape, order);
    const facts = { shape, order, terms, pattern, ...elementLayout(coding, dtype, columns) };
    return planJob(facts, this.limitsOf(gpu));
  }

  private limitsOf({ device: { limits: own } }: Gpu): DeviceLimits {
    const { limits = {}, memory = MEMORY } = this.options;
    return {
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize ?? own.maxStorageBufferBindingSize,
      maxBufferSize: own.maxBufferSize,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize ?? own.maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup: own.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupsPerDimension: own.maxComputeWorkgroupsPerDimension,
      memory: memory / CONCURRENCY,
      sliceRows: limits.sliceRows ?? Number.POSITIVE_INFINITY,
    };
  }
}

function refuseBadValues(job: MaskJob, stored: Uint8Array, coding: QuantisedCoding | null): void {
  const bad = findBadValues(job, stored, coding);
  if (bad !== null) throw badValuesError(job.label, bad);
}
