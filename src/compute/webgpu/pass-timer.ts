/** How long kernels run, by the GPU's own clock (`timestamp-query`). */

/** Passes that one timer can time. */
const MOST_PASSES = 256;

export class PassTimer {
  private readonly queries: GPUQuerySet;
  private passes = 0;

  private constructor(private readonly device: GPUDevice) {
    this.queries = device.createQuerySet({ type: "timestamp", count: 2 * MOST_PASSES });
  }

  /** A timer, or null where the GPU has no clock that may be read. */
  static on(device: GPUDevice): PassTimer | null {
    return device.features.has("timestamp-query") ? new PassTimer(device) : null;
  }

  /** Where the next pass writes its beginning and its end. */
  next(): GPUComputePassTimestampWrites | undefined {
    const pass = this.passes++;
    return pass < MOST_PASSES
      ? { querySet: this.queries, beginningOfPassWriteIndex: 2 * pass, endOfPassWriteIndex: 2 * pass + 1 }
      : undefined;
  }

  /** Seconds that all passes took, when they have run; null where there were more than it can time. */
  async seconds(): Promise<number | null> {
    const { device, queries, passes } = this;
    if (passes > MOST_PASSES) return null;
    const size = 16 * passes;
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const resolved = device.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
    const target = device.createBuffer({ size, usage: COPY_DST | MAP_READ });
    try {
      const encoder = device.createCommandEncoder();
      encoder.resolveQuerySet(queries, 0, 2 * passes, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, target, 0, size);
      device.queue.submit([encoder.finish()]);
      await target.mapAsync(GPUMapMode.READ);
      const times = new BigUint64Array(target.getMappedRange());
      let nanoseconds = 0n;
      for (let k = 0; k < times.length; k += 2) nanoseconds += (times[k + 1] as bigint) - (times[k] as bigint);
      return Number(nanoseconds) / 1e9;
    } finally {
      for (const each of [resolved, target, queries]) each.destroy();
    }
  }
}
