/** How many bytes of buffers there are at a time, whatever jobs are handed in. */
import { expect, it } from "vitest";
import type { MaskJob } from "../../../src/compute/index.js";
import { createWebGpuDevice } from "../../../src/compute/webgpu/index.js";
import type { Pattern } from "../../../src/pattern/index.js";
import { methodOf } from "../../../src/score/index.js";
import { acquireGpu } from "./watched-gpu.js";

const MEMORY = 3 * 2 ** 20;
const SHAPES = [
  { out: 700, in: 420 },
  { out: 420, in: 700 },
  { out: 250, in: 200 },
];

function jobOf(shape: MaskJob["shape"], pattern: Pattern): MaskJob {
  const floats = Float32Array.from({ length: shape.out * shape.in }, (_, k) => Math.sin(k * k));
  return {
    label: "layers.7.mlp.up_proj",
    bytes: { kind: "memory", read: async () => new Uint8Array(floats.buffer) },
    ...{ dtype: "float32", shape, order: "in-out", terms: methodOf("ria").terms({}, shape), pattern },
    channelFactor: new Float32Array(shape.in).fill(1),
  };
}

/** A GPU that counts the bytes of its buffers, and remembers the most that there were. */
async function countingGpu() {
  const acquired = await acquireGpu();
  const { device } = acquired;
  const create = device.createBuffer.bind(device);
  const count = { now: 0, most: 0 };
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    count.now += descriptor.size;
    count.most = Math.max(count.most, count.now);
    buffer.destroy = () => {
      count.now -= descriptor.size;
      destroy();
    };
    return buffer;
  };
  return { acquire: async () => acquired, count };
}

it("is at most the option memory, with jobs of all kinds at once, whose masks do not depend on it", async () => {
  const { acquire, count } = await countingGpu();
  const small = createWebGpuDevice({ acquire, memory: MEMORY });
  const large = createWebGpuDevice({ acquire });
  const patterns: Pattern[] = [
    { kind: "n:m", keep: 2, of: 4, permute: false },
    { kind: "unstructured", sparsity: 0.5, scope: "row" },
  ];
  const matrix = jobOf({ out: 250, in: 200 }, { kind: "unstructured", sparsity: 0.5, scope: "matrix" });
  const jobs = [...SHAPES.flatMap((shape) => patterns.map((pattern) => jobOf(shape, pattern))), matrix];
  const masks = await Promise.all(
    jobs.map(async (job) => {
      const mask = await small.computeMask(job);
      await small.measure(job, mask, new Float32Array(job.shape.in).fill(1));
      const stored = await (job.bytes as { read(): Promise<Uint8Array> }).read();
      await small.apply(job, stored, mask);
      return mask;
    }),
  );
  expect(count.most).toBeGreaterThan(MEMORY / 2);
  expect(count.most).toBeLessThanOrEqual(MEMORY);
  for (const [k, job] of jobs.entries()) expect((await large.computeMask(job)).bits).toEqual(masks[k]?.bits);
  await Promise.all([small.close(), large.close()]);
  expect(count.now).toBe(0);
});
