/**
 * Buffers by size, kept for the next job: making one can cost more than a kernel, and a driver may free
 * memory late. Sizes come in buckets, a quarter of a power of two apart, and what lies unused is bounded.
 */

/** Smallest buffer. */
const LEAST_BYTES = 256;

/** Size of the bucket that holds `bytes`: at most a quarter more. A multiple of 4. */
export function bucketOf(bytes: number): number {
  if (bytes <= LEAST_BYTES) return LEAST_BYTES;
  const step = 2 ** (Math.ceil(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
}

/** Storage buffers, or buffers of one other use. */
export class BufferPool {
  private readonly free = new Map<number, GPUBuffer[]>();
  private freeBytes = 0;

  /**
   * @param most bytes of unused buffers that are kept
   * @param largest size of a buffer, buckets end there
   */
  constructor(
    private readonly device: GPUDevice,
    private readonly usage: GPUBufferUsageFlags,
    private readonly most: number,
    private readonly largest: number,
  ) {}

  /** A buffer of at least `bytes`. What is in it is undefined. */
  take(label: string, bytes: number): GPUBuffer {
    const size = Math.min(this.largest, bucketOf(bytes));
    const known = this.free.get(size)?.pop();
    if (known === undefined) return this.device.createBuffer({ label, size: Math.max(size, bytes), usage: this.usage });
    this.freeBytes -= known.size;
    known.label = label;
    return known;
  }

  /** Gives back a buffer that no command in flight uses. */
  give(buffer: GPUBuffer): void {
    if (this.freeBytes + buffer.size > this.most) {
      buffer.destroy();
      return;
    }
    this.freeBytes += buffer.size;
    const bucket = this.free.get(buffer.size);
    if (bucket === undefined) this.free.set(buffer.size, [buffer]);
    else bucket.push(buffer);
  }

  /** Destroys what lies unused. */
  clear(): void {
    for (const bucket of this.free.values()) for (const buffer of bucket) buffer.destroy();
    this.free.clear();
    this.freeBytes = 0;
  }
}
