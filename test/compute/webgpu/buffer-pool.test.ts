/** What becomes of buffers between jobs, on a device that only counts them. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { BufferPool, bufferSize } from "../../../src/compute/webgpu/buffer-pool.js";
import type { Gpu } from "../../../src/compute/webgpu/gpu.js";
import { Work } from "../../../src/compute/webgpu/work.js";

vi.stubGlobal("GPUBufferUsage", { COPY_SRC: 4, COPY_DST: 8, STORAGE: 128 });
const LARGEST = 2 ** 20;

/** A device whose buffers are nothing but their sizes; `bytes` of those that are not destroyed. */
function countingDevice() {
  const alive = new Set<object>();
  const device = {
    limits: { maxBufferSize: LARGEST },
    createBuffer(descriptor: GPUBufferDescriptor) {
      const buffer = { ...descriptor, destroy: () => alive.delete(buffer) };
      alive.add(buffer);
      return buffer;
    },
  };
  const bytes = () => [...alive].reduce((sum, buffer) => sum + (buffer as GPUBufferDescriptor).size, 0);
  return { device: device as unknown as GPUDevice, bytes };
}

describe("a pool of buffers", () => {
  it("holds no more than its bound, unless what is in use takes more", () => {
    const act = fc.record({
      usage: fc.constantFrom(1, 2),
      bytes: fc.integer({ min: 1, max: LARGEST }),
      gives: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4 * LARGEST }), fc.array(act, { maxLength: 60 }), (most, acts) => {
        const { device, bytes } = countingDevice();
        const pool = new BufferPool(device, most);
        const taken: GPUBuffer[] = [];
        for (const { usage, bytes: wanted, gives } of acts) {
          const buffer = pool.take(usage, "any", wanted);
          expect(buffer.size).toBe(bufferSize(wanted, LARGEST));
          expect(buffer.usage).toBe(usage);
          expect(taken).not.toContain(buffer);
          taken.push(buffer);
          for (const given of taken.splice(0, gives)) pool.give(given);
          const used = taken.reduce((sum, { size }) => sum + size, 0);
          expect(bytes()).toBeLessThanOrEqual(Math.max(most, used));
        }
        for (const buffer of taken) pool.give(buffer);
        pool.clear();
        expect(bytes()).toBe(0);
      }),
    );
  });

  it("hands a buffer out again, but not after a job that the device had something against", async () => {
    const { device } = countingDevice();
    const buffers = new BufferPool(device, LARGEST);
    let complaint: GPUError | null = null;
    const gpu = { buffers, watched: <T>(make: () => T) => ({ result: make(), error: Promise.resolve(complaint) }) };
    const bufferOfJob = async () => {
      const work = new Work(gpu as unknown as Gpu);
      const { buffer } = work.storage("scores", 1000);
      await work.end();
      return buffer;
    };
    const first = await bufferOfJob();
    complaint = { message: "out of memory" };
    expect(await bufferOfJob()).toBe(first);
    complaint = null;
    expect(await bufferOfJob()).not.toBe(first);
  });
});
