/**
 * The WebGPU device: WGSL kernels (kernels/) on a GPUDevice, the host's or one of our own. This file says how
 * jobs are taken, how many at once, and what becomes of errors; plan.ts says how a weight is masked, and
 * mask-weight.ts does it.
 */
import { PruneError } from "../../errors.js";
import type { QuantisedCoding } from "../../tensor/coding.js";
import { storedDims } from "../../tensor/matrix.js";
import { badValuesError, checkJob, checkStored, describeError, deviceError } from "../check-job.js";
import type { ComputedMask, Device, MaskJob } from "../device.js";
import type { AcquiredGpu } from "./acquired-gpu.js";
import { DeviceLost, Gpu } from "./gpu.js";
import { maskWeight } from "./mask-weight.js";
import { PassTimer } from "./pass-timer.js";
import { type DeviceLimits, type Plan, planJob } from "./plan.js";
import { findBadValues, judgeRange } from "./range.js";
import { elementLayout, scaleTable, storedForm } from "./scales.js";
import { readStored } from "./stored-bytes.js";
import { type Traffic, trafficOf } from "./traffic.js";
import { Turns } from "./turns.js";
import { Work } from "./work.js";

export { requestGpu } from "./acquire.node.js";
export type { AcquiredGpu } from "./acquired-gpu.js";

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

/**
 * The device that runs where there is WebGPU. Weights larger than its buffers may be go in slices of output
 * rows; each of the two jobs that run at once holds at most half of `memory`. Bytes in files are read whole.
 *
 * A lost device is acquired again once for each job, if it was our own; errors name the weight.
 */
export function createWebGpuDevice(options: WebGpuOptions): Device {
  return new WebGpuDevice(options);
}

class WebGpuDevice implements Device {
  readonly name = "webgpu";
  readonly concurrency = CONCURRENCY;
  private readonly turns = new Turns(CONCURRENCY);
  private gpu: Promise<Gpu> | undefined;

  constructor(private readonly options: WebGpuOptions) {}

  async refuse(job: MaskJob): Promise<string | null> {
    const gpu = await this.current(job);
    // Codes are not read for this: as many bits as a code can have.
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

  async close(): Promise<void> {
    const gpu = await this.gpu?.catch(() => undefined);
    this.gpu = undefined;
    gpu?.close();
  }

  /** Acts on the GPU; where it is lost meanwhile, once more on another. Failures become device errors. */
  private async retried<T>(job: MaskJob, act: (gpu: Gpu) => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const gpu = await this.current(job);
      try {
        return await act(gpu);
      } catch (thrown) {
        if (thrown instanceof PruneError || signal?.aborted) throw thrown;
        const error = await gpu.explain(thrown);
        if (!(error instanceof DeviceLost))
          throw deviceError("webgpu", job, describeError(error), "exclude it, or mask on the cpu", error);
        if (!gpu.acquired.owned)
          throw deviceError(
            "webgpu",
            job,
            `the host's device was lost: ${error.message}`,
            "load the model again, or mask on the cpu",
            error,
          );
        if (attempt > 0) throw deviceError("webgpu", job, `lost twice: ${error.message}`, "mask on the cpu", error);
      }
    }
  }

  /** The GPU, acquired anew where the last one was lost. */
  private async current(job: MaskJob): Promise<Gpu> {
    const known = this.gpu;
    const gpu = await known;
    if (gpu !== undefined && !(gpu.isLost && gpu.acquired.owned)) return gpu;
    // Of several jobs that find it lost, the first one acquires for all.
    if (this.gpu === known)
      this.gpu = this.options.acquire().then((acquired) => new Gpu(acquired, (this.options.memory ?? MEMORY) / 2));
    const next = this.gpu as Promise<Gpu>;
    return next.catch((error: unknown) => {
      if (this.gpu === next) this.gpu = undefined;
      if (error instanceof PruneError) throw error;
      throw deviceError("webgpu", job, describeError(error), "mask on the cpu", error);
    });
  }

  private async compute(gpu: Gpu, job: MaskJob, signal?: AbortSignal): Promise<ComputedMask> {
    const { bytes, label, shape, order, dtype } = job;
    const coding = bytes.kind === "codes" ? await bytes.coding() : null;
    const stored = await readStored(label, bytes.kind === "codes" ? bytes.stored : bytes);
    checkStored(job, coding, stored.byteLength);
    const plan = this.planFor(gpu, job, coding);
    if (typeof plan === "string") throw deviceError("webgpu", job, plan, "mask on the cpu");
    const [rows, columns] = storedDims(shape, order);
    const table = coding === null ? null : scaleTable(coding);
    if (table?.suspicious) refuseBadValues(job, stored, coding);
    const { stored: form, scaleColumns } = storedForm(coding, dtype, rows, columns);
    const scales = table?.pairs ?? null;
    for (let shift = table?.shift ?? 0; ; ) {
      const { onFigures } = this.options;
      const timer = onFigures === undefined ? null : PassTimer.on(gpu.device);
      const work = new Work(gpu, signal, timer);
      try {
        const input = { stored, form, coding, scales, scaleColumns, factor: job.channelFactor, shift };
        const { bits, retained, range } = await maskWeight(work, plan, input);
        onFigures?.(job, { kernelSeconds: (await timer?.seconds()) ?? null, traffic: trafficOf(plan) });
        const verdict = judgeRange(range);
        if (verdict === "bad") refuseBadValues(job, stored, coding);
        if (verdict === "bad" || verdict === 0 || shift !== 0 || coding !== null)
          return { shape, order, bits, retained };
        shift = verdict;
      } finally {
        work.end();
      }
    }
  }

  private planFor({ device }: Gpu, job: MaskJob, coding: QuantisedCoding | null): Plan | string {
    const { shape, order, terms, pattern, dtype } = job;
    const [, columns] = storedDims(shape, order);
    const { limits = {}, memory = MEMORY } = this.options;
    const own = device.limits;
    return planJob(
      { shape, order, terms, pattern, ...elementLayout(coding, dtype, columns) },
      {
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize ?? own.maxStorageBufferBindingSize,
        maxBufferSize: own.maxBufferSize,
        maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize ?? own.maxComputeWorkgroupStorageSize,
        maxComputeInvocationsPerWorkgroup: own.maxComputeInvocationsPerWorkgroup,
        memory: memory / CONCURRENCY,
        sliceRows: limits.sliceRows ?? Number.POSITIVE_INFINITY,
      },
    );
  }
}

function refuseBadValues(job: MaskJob, stored: Uint8Array, coding: QuantisedCoding | null): void {
  const bad = findBadValues(job, stored, coding);
  if (bad !== null) throw badValuesError(job.label, bad);
}
