/**
 * Buffers by use and size, kept for the next job: making one can cost more than a kernel, and a driver may free
 * memory late. Sizes come in buckets, a quarter of a power of two apart. One bound holds for the bytes in use
 * and those that lie unused together: what is unused makes room before anything new is made.
 */

/** Smallest buffer. */
const LEAST_BYTES = 256;

/** Size of the bucket that holds `bytes`: at most a quarter more. A multiple of 4. */
export function bucketOf(bytes: number): number {
  if (bytes <= LEAST_BYTES) return LEAST_BYTES;
  const step = 2 ** (Math.ceil(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
}

/** Bytes of the buffer that is made for `bytes` where none may be larger than `largest`. */
export const bufferSize = (bytes: number, largest: number): number =>
  Math.max(Math.min(largest, bucketOf(bytes)), bytes);

export class BufferPool {
  /** Unused buffers, those that have been unused longest first. */
  private readonly free = new Set<GPUBuffer>();
  private held = 0;

  /** @param most bytes of all buffers that unused ones may add up to with those in use */
  constructor(
    private readonly device: GPUDevice,
    private readonly most: number,
  ) {}

  /** A buffer of at least `bytes`. What is in it is undefined. */
  take(usage: GPUBufferUsageFlags, label: string, bytes: number): GPUBuffer {
    const size = bufferSize(bytes, this.device.limits.maxBufferSize);
    for (const buffer of this.free)
      if (buffer.size === size && buffer.usage === usage) {
        this.free.delete(buffer);
        buffer.label = label;
        return buffer;
      }
    this.makeRoom(size);
    this.held += size;
    return this.device.createBuffer({ label, size, usage });
  }

  /** Gives back a buffer that no command in flight uses. */
  give(buffer: GPUBuffer): void {
    this.free.add(buffer);
    this.makeRoom(0);
  }

  /** Gives back a buffer that nobody is to use again. */
  discard(buffer: GPUBuffer): void {
    this.free.delete(buffer);
    this.held -= buffer.size;
    buffer.destroy();
  }

  /** Destroys what lies unused. */
  clear(): void {
    for (const buffer of this.free) this.discard(buffer);
  }

  private makeRoom(bytes: number): void {
    for (const buffer of this.free) {
      if (this.held + bytes <= this.most) return;
      this.discard(buffer);
    }
  }
}
