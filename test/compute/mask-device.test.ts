/** Which device computes masks, and what is said where it is not the one that was wanted. No GPU is needed. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { type HostGpu, type MaskDevice, type MaskJob, openMaskDevice } from "../../src/compute/index.js";
import { countKept } from "../../src/pattern/index.js";
import { plainJob } from "./cpu/plain-job.js";

const opened: MaskDevice[] = [];
afterEach(async () => {
  for (const device of opened.splice(0)) await device.close();
  vi.unstubAllGlobals();
});

async function open(gpu: Partial<GPU>, hostGpu: () => Promise<HostGpu | null> = async () => null): Promise<MaskDevice> {
  vi.stubGlobal("navigator", { gpu });
  const device = await openMaskDevice({ wanted: "webgpu", hostGpu, threads: 1 });
  opened.push(device);
  return device;
}

/** A device that can do nothing but be destroyed. */
function idleDevice() {
  const destroy = vi.fn();
  return { destroy, device: { destroy, limits: {}, lost: new Promise(() => {}) } as unknown as GPUDevice };
}

const adapterOf = (device: GPUDevice) =>
  ({
    info: { vendor: "acme", architecture: "", device: "", description: "" },
    limits: {},
    features: new Set(),
    requestDevice: async () => device,
  }) as unknown as GPUAdapter;

describe("masks that are wanted from the GPU", () => {
  it.each<[string, Partial<GPU>, RegExp]>([
    ["there is no adapter", { requestAdapter: async () => null }, /no adapter/],
    [
      "there is no device",
      { requestAdapter: () => Promise.reject(new Error("driver too old")) },
      /no device: driver too old/,
    ],
  ])("are computed on the cpu where %s, and the report is told why", async (_, gpu, why) => {
    const device = await open(gpu);
    expect(device.description()).toBe("cpu");
    expect(device.refusals()).toEqual([expect.stringMatching(/^masks were computed on the cpu: /)]);
    expect(device.refusals()[0]).toMatch(why);
    const job: MaskJob = plainJob();
    expect(countKept(await device.computeMask(job))).toBe((job.shape.out * job.shape.in) / 2);
  });

  it("are computed on the cpu where the host's runtime cannot open its GPU, without asking for another", async () => {
    const requestAdapter = vi.fn();
    const device = await open({ requestAdapter }, () => Promise.reject(new Error("no available backend found")));
    expect(device.refusals()).toEqual([expect.stringMatching(/no available backend found/)]);
    expect(requestAdapter).not.toHaveBeenCalled();
  });

  it("leave no GPU behind that never got a job, and the host's as it was", async () => {
    const [own, host] = [idleDevice(), idleDevice()];
    const device = await open({ requestAdapter: async () => adapterOf(own.device) });
    expect(device.description()).toBe("webgpu (acme)");
    await device.close();
    expect(own.destroy).toHaveBeenCalledOnce();
    const release = vi.fn(async () => {});
    const onHost = await open({}, async () => ({ device: host.device, release }));
    await onHost.close();
    expect(release).toHaveBeenCalledOnce();
    expect(host.destroy).not.toHaveBeenCalled();
    opened.length = 0;
  });

  it("are not wanted where the model runs on the cpu: no GPU is asked for", async () => {
    const requestAdapter = vi.fn();
    vi.stubGlobal("navigator", { gpu: { requestAdapter } });
    const device = await openMaskDevice({
      wanted: "cpu",
      hostGpu: () => Promise.reject(new Error("not asked")),
      threads: 1,
    });
    opened.push(device);
    expect([device.description(), device.refusals()]).toEqual(["cpu", []]);
    expect(requestAdapter).not.toHaveBeenCalled();
  });
});
