/**
 * The buffers of one job, and what is sent to the queue on its behalf. All are given back when the job ends,
 * whatever way it ends; where something went wrong, one of them may be no buffer at all, so none is used again.
 */
import type { Gpu, Launch, Sized } from "./gpu.js";
import type { JobValues } from "./kernels/kernel.js";
import type { PassTimer } from "./pass-timer.js";

export class Work {
  private readonly taken: GPUBuffer[] = [];
  /** What the device may have against what was sent, in order. */
  private readonly errors: Promise<Error | null>[] = [];

  constructor(
    readonly gpu: Gpu,
    private readonly signal?: AbortSignal,
    private readonly timer: PassTimer | null = null,
  ) {}

  /** A storage buffer; its content is undefined until it is written or cleared. */
  storage(label: string, bytes: number): Sized {
    const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage;
    return { buffer: this.take(STORAGE | COPY_DST | COPY_SRC, label, bytes), bytes };
  }

  /** The uniform of a job's values. */
  uniform(values: JobValues): GPUBuffer {
    const buffer = this.watch("a uniform", () => this.gpu.uniform(values));
    this.taken.push(buffer);
    return buffer;
  }

  /**
   * Writes, then runs kernels in order, after all that was sent before.
   *
   * @param before what else goes into the queue first: writes of buffers, and commands
   * @throws the signal's reason when aborted; Error where a kernel does not compile
   */
  async send(
    launches: readonly Launch[],
    before?: (queue: GPUQueue, encoder: GPUCommandEncoder) => void,
  ): Promise<void> {
    const { gpu } = this;
    const pipelines = await gpu.compile([...new Set(launches.map(({ kernel }) => kernel))]);
    this.signal?.throwIfAborted();
    const names = [...new Set(launches.map(({ kernel }) => kernel.name))].join(", ");
    this.watch(`commands ${names}`, () => {
      const encoder = gpu.device.createCommandEncoder();
      before?.(gpu.device.queue, encoder);
      if (launches.length > 0) gpu.encode(encoder, launches, pipelines, this.timer?.next());
      gpu.device.queue.submit([encoder.finish()]);
    });
  }

  /** Copies of buffers' bytes, when everything sent before has run. */
  async read(parts: readonly Sized[]): Promise<Uint8Array[]> {
    const { gpu } = this;
    const lengths = parts.map(({ bytes }) => Math.ceil(bytes / 4) * 4);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const target = this.take(GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "result", total);
    this.watch("reading the result", () => {
      const encoder = gpu.device.createCommandEncoder();
      let at = 0;
      for (const [k, { buffer }] of parts.entries()) {
        encoder.copyBufferToBuffer(buffer, 0, target, at, lengths[k] as number);
        at += lengths[k] as number;
      }
      gpu.device.queue.submit([encoder.finish()]);
    });
    // Last, as what went wrong before says more than that the result cannot be read.
    this.errors.push(
      target.mapAsync(GPUMapMode.READ, 0, total).then(
        () => null,
        (reason: Error) => reason,
      ),
    );
    const error = await this.firstError();
    if (error !== null) throw error;
    const all = new Uint8Array(target.getMappedRange(0, total));
    let at = 0;
    const copies = parts.map(({ bytes }, k) => {
      const copy = all.slice(at, at + bytes);
      at += lengths[k] as number;
      return copy;
    });
    target.unmap();
    this.taken.pop();
    gpu.buffers.give(target);
    return copies;
  }

  /** Gives all buffers back, when it is known whether anything went wrong. */
  async end(): Promise<void> {
    const { buffers } = this.gpu;
    const failed = (await this.firstError()) !== null;
    for (const buffer of this.taken.splice(0)) failed ? buffers.discard(buffer) : buffers.give(buffer);
  }

  private async firstError(): Promise<Error | null> {
    return (await Promise.all(this.errors)).find((error) => error !== null) ?? null;
  }

  private take(usage: GPUBufferUsageFlags, label: string, bytes: number): GPUBuffer {
    const buffer = this.watch(`${Math.ceil(bytes / 2 ** 20)} MiB for the ${label}`, () =>
      this.gpu.buffers.take(usage, label, bytes),
    );
    this.taken.push(buffer);
    return buffer;
  }

  private watch<T>(what: string, act: () => T): T {
    const { result, error } = this.gpu.watched(act);
    this.errors.push(error.then((found) => (found === null ? null : new Error(`${what}: ${found.message}`))));
    return result;
  }
}
