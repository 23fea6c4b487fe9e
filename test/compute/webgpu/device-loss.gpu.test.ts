/** What becomes of jobs whose GPU goes away, or never comes. */
import { describe, expect, it } from "vitest";
import { createCpuDevice } from "../../../src/compute/cpu/index.js";
import type { MaskJob } from "../../../src/compute/index.js";
import type { AcquiredGpu } from "../../../src/compute/webgpu/acquired-gpu.js";
import { createWebGpuDevice } from "../../../src/compute/webgpu/index.js";
import { methodOf } from "../../../src/score/index.js";
import { acquireGpu } from "./watched-gpu.js";

const SHAPE = { out: 96, in: 64 };
const BYTES = new Uint8Array(Float32Array.from({ length: SHAPE.out * SHAPE.in }, (_, k) => Math.sin(k * k)).buffer);

/** A job; `whenRead` is called when its bytes are asked for, in the middle of the device's work. */
const jobThat = (whenRead: () => void = () => {}): MaskJob => ({
  label: "layers.7.mlp.up_proj",
  bytes: {
    kind: "memory",
    read: async () => {
      whenRead();
      return BYTES;
    },
  },
  ...{ dtype: "float32", shape: SHAPE, order: "in-out", terms: methodOf("ria").terms({}, SHAPE) },
  channelFactor: new Float32Array(SHAPE.in).fill(1),
  pattern: { kind: "n:m", keep: 2, of: 4, permute: false },
});

/** Acquires GPUs and remembers them. */
function gpus(owned = true) {
  const acquired: AcquiredGpu[] = [];
  const acquire = async () => {
    const gpu = { ...(await acquireGpu()), owned };
    acquired.push(gpu);
    return gpu;
  };
  return { acquired, acquire, destroyLast: () => acquired.at(-1)?.device.destroy() };
}

async function expectedBits(): Promise<Uint8Array> {
  const cpu = createCpuDevice({ threads: 1 });
  const { bits } = await cpu.computeMask(jobThat());
  await cpu.close();
  return bits;
}

describe("a GPU that is lost", () => {
  it("is replaced once for the jobs in flight, which succeed, and later jobs use the new one", async () => {
    const { acquired, acquire, destroyLast } = gpus();
    const device = createWebGpuDevice({ acquire });
    let losses = 1;
    const lose = () => {
      if (losses-- > 0) destroyLast();
    };
    const masks = await Promise.all([device.computeMask(jobThat(lose)), device.computeMask(jobThat())]);
    const later = await device.computeMask(jobThat());
    const expected = await expectedBits();
    for (const { bits } of [...masks, later]) expect(bits).toEqual(expected);
    expect(acquired).toHaveLength(2);
    await device.close();
  });

  it("between two jobs is replaced as well", async () => {
    const { acquired, acquire, destroyLast } = gpus();
    const device = createWebGpuDevice({ acquire });
    const before = await device.computeMask(jobThat());
    destroyLast();
    expect((await device.computeMask(jobThat())).bits).toEqual(before.bits);
    expect(acquired).toHaveLength(2);
    await device.close();
  });

  it("twice in one job is an error that names the weight and the reason", async () => {
    const { acquire, destroyLast } = gpus();
    const device = createWebGpuDevice({ acquire });
    await expect(device.computeMask(jobThat(destroyLast))).rejects.toMatchObject({
      code: "device",
      message: expect.stringMatching(/layers\.7\.mlp\.up_proj.*lost twice.*destroyed/),
    });
    await device.close();
  });

  it("says so where no other can be had", async () => {
    const { acquire, destroyLast } = gpus();
    let isFirst = true;
    const once = () => {
      if (!isFirst) return Promise.reject(new Error("no adapter any more"));
      isFirst = false;
      return acquire();
    };
    const device = createWebGpuDevice({ acquire: once });
    await expect(device.computeMask(jobThat(destroyLast))).rejects.toMatchObject({
      code: "device",
      message: expect.stringContaining("no adapter any more"),
    });
    await device.close();
  });

  it("that cannot be had at all is an error that names the weight, for the jobs that waited for it too", async () => {
    const device = createWebGpuDevice({ acquire: () => Promise.reject(new Error("no adapter")) });
    const refusal = { code: "device", message: expect.stringMatching(/layers\.7\.mlp\.up_proj.*no adapter/) };
    const jobs = Array.from({ length: 3 }, () => device.computeMask(jobThat()));
    await Promise.all(jobs.map((job) => expect(job).rejects.toMatchObject(refusal)));
    await device.close();
  });

  it("is not replaced where it is the host's", async () => {
    const { acquired, acquire, destroyLast } = gpus(false);
    const device = createWebGpuDevice({ acquire });
    const refusal = { code: "device", message: expect.stringContaining("the host's device was lost") };
    await expect(device.computeMask(jobThat(destroyLast))).rejects.toMatchObject(refusal);
    await expect(device.computeMask(jobThat())).rejects.toMatchObject(refusal);
    expect(acquired).toHaveLength(1);
  });

  it("is destroyed by close() where it is our own, and left alone where it is the host's", async () => {
    for (const owned of [true, false]) {
      const { acquired, acquire } = gpus(owned);
      const device = createWebGpuDevice({ acquire });
      await device.computeMask(jobThat());
      await device.close();
      const gpu = acquired[0]?.device as GPUDevice;
      const isLost = await Promise.race([
        gpu.lost.then(() => true),
        gpu.queue.onSubmittedWorkDone().then(
          () => false,
          () => true,
        ),
      ]);
      expect(isLost).toBe(owned);
      gpu.destroy();
    }
  });
});

describe("close()", () => {
  it("waits for the jobs that run, ends those that wait, and lets no other begin", async () => {
    const { acquired, acquire } = gpus();
    const device = createWebGpuDevice({ acquire });
    let closed: Promise<void> | undefined;
    const close = () => {
      closed ??= device.close();
    };
    const jobs = Array.from({ length: device.concurrency + 2 }, () => device.computeMask(jobThat(close)));
    const refusal = { code: "device", message: expect.stringMatching(/layers\.7\.mlp\.up_proj.*is closed/) };
    const [running, waiting] = [jobs.slice(0, device.concurrency), jobs.slice(device.concurrency)];
    await Promise.all(waiting.map((job) => expect(job).rejects.toMatchObject(refusal)));
    const expected = await expectedBits();
    for (const { bits } of await Promise.all(running)) expect(bits).toEqual(expected);
    await closed;
    await expect(device.computeMask(jobThat())).rejects.toMatchObject(refusal);
    await expect(device.refuse(jobThat())).rejects.toMatchObject(refusal);
    expect(acquired).toHaveLength(1);
    await expect(acquired[0]?.device.lost).resolves.toMatchObject({ reason: "destroyed" });
  });

  it("opens no other GPU for a job whose GPU was lost meanwhile", async () => {
    const { acquired, acquire, destroyLast } = gpus();
    const device = createWebGpuDevice({ acquire });
    let closed: Promise<void> | undefined;
    const job = jobThat(() => {
      closed = device.close();
      destroyLast();
    });
    await expect(device.computeMask(job)).rejects.toMatchObject({ message: expect.stringContaining("is closed") });
    await closed;
    expect(acquired).toHaveLength(1);
  });
});

describe("a job", () => {
  it("is not begun when it is aborted, and ends with the signal's reason when it is aborted on the way", async () => {
    const { acquire } = gpus();
    const device = createWebGpuDevice({ acquire });
    await expect(device.computeMask(jobThat(), AbortSignal.abort("stop"))).rejects.toBe("stop");
    const controller = new AbortController();
    await expect(
      device.computeMask(
        jobThat(() => controller.abort("later")),
        controller.signal,
      ),
    ).rejects.toBe("later");
    expect((await device.computeMask(jobThat())).retained).toBeGreaterThan(0.5);
    await device.close();
  });
});
