/**
 * One GPU at work: its pipelines, its buffers, the launch of kernels, and what goes wrong with it. Errors of
 * allocations and submissions are caught by scopes around them; a lost device is noticed once for all jobs.
 */
import type { AcquiredGpu } from "./acquired-gpu.js";
import { BufferPool } from "./buffer-pool.js";
import { JOB_BYTES, type JobValues, jobBytes, type Kernel } from "./kernels/kernel.js";
import { Pipelines } from "./pipelines.js";

/** What is launched: a kernel, its buffers by the names of its bindings, its workgroups. */
export interface Launch {
  readonly kernel: Kernel;
  /** The uniform of the kernel's job. */
  readonly job: GPUBuffer;
  readonly buffers: Readonly<Record<string, Sized>>;
  readonly workgroups: readonly [x: number, y: number];
}

/** A buffer, of which the first `bytes` are used: pooled buffers may be larger than a binding may be. */
export interface Sized {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
}

/** Why a device was lost. */
export class DeviceLost extends Error {}

/** How long an error waits for the news that its device was lost, which may come after it. */
const NEWS_MS = 100;

export class Gpu {
  readonly device: GPUDevice;
  readonly buffers: BufferPool;
  private readonly pipelines: Pipelines;
  private lostFor: string | null = null;

  /** @param memory bytes that all buffers may take, those in use and those kept for later */
  constructor(
    readonly acquired: AcquiredGpu,
    memory: number,
  ) {
    const { device } = acquired;
    this.device = device;
    this.buffers = new BufferPool(device, memory);
    this.pipelines = Pipelines.on(device);
    device.lost.then(({ reason, message }) => {
      this.lostFor = `${message || "the device was lost"} (${reason})`;
    });
  }

  /** Whether the device is gone. */
  get isLost(): boolean {
    return this.lostFor !== null;
  }

  /**
   * What an error of this device is: `DeviceLost` where it was lost, else the error itself.
   */
  async explain(error: unknown): Promise<unknown> {
    if (error instanceof DeviceLost) return error;
    await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, NEWS_MS))]);
    return this.lostFor === null ? error : new DeviceLost(this.lostFor, { cause: error });
  }

  /**
   * Runs `act`, and finds out what the device has against it: no memory, or an invalid command. Such errors
   * come later, so work goes on meanwhile; commands on what is invalid do nothing.
   *
   * @param act must not wait for anything, or errors of other jobs would fall into its scopes
   * @returns what `act` returns, and the error to come, null where there is none
   */
  watched<T>(act: () => T): { readonly result: T; readonly error: Promise<GPUError | null> } {
    const { device } = this;
    if (this.lostFor !== null) throw new DeviceLost(this.lostFor);
    const scopes = ["validation", "out-of-memory", "internal"] as const;
    for (const scope of scopes) device.pushErrorScope(scope);
    // A lost device has no scopes to tell of; its loss is noticed by itself.
    const popped = () => Promise.all(scopes.map(() => device.popErrorScope().catch(() => null)));
    try {
      const result = act();
      return { result, error: popped().then((errors) => errors.find((error) => error !== null) ?? null) };
    } catch (error) {
      void popped();
      throw error;
    }
  }

  /** A uniform with the values of a job. */
  uniform(values: JobValues): GPUBuffer {
    const buffer = this.buffers.take(GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, "job", JOB_BYTES);
    this.device.queue.writeBuffer(buffer, 0, jobBytes(values));
    return buffer;
  }

  /** Compiles what is not compiled yet, side by side. */
  async compile(kernels: readonly Kernel[]): Promise<ReadonlyMap<Kernel, GPUComputePipeline>> {
    const pipelines = await Promise.all(kernels.map((kernel) => this.pipelines.of(kernel)));
    return new Map(kernels.map((kernel, k) => [kernel, pipelines[k] as GPUComputePipeline]));
  }

  /** Adds kernels to a command encoder, in order; each sees what those before it wrote. */
  encode(
    encoder: GPUCommandEncoder,
    launches: readonly Launch[],
    pipelines: ReadonlyMap<Kernel, GPUComputePipeline>,
    timestamps?: GPUComputePassTimestampWrites,
  ): void {
    const pass = encoder.beginComputePass(timestamps === undefined ? {} : { timestampWrites: timestamps });
    for (const { kernel, job, buffers, workgroups } of launches) {
      const pipeline = pipelines.get(kernel) as GPUComputePipeline;
      const entries = kernel.bindings.map(({ name }, k) => {
        const { buffer, bytes } = buffers[name] as Sized;
        return { binding: k + 1, resource: { buffer, size: Math.ceil(bytes / 4) * 4 } };
      });
      const layout = pipeline.getBindGroupLayout(0);
      const all = [{ binding: 0, resource: { buffer: job, size: JOB_BYTES } }, ...entries];
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, this.device.createBindGroup({ label: kernel.name, layout, entries: all }));
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
  }

  /** Frees all buffers; and the device, where it is ours. */
  close(): void {
    this.buffers.clear();
    if (this.acquired.owned) this.device.destroy();
  }
}
