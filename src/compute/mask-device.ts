/**
 * The device that computes the masks of a model: the one that was wanted where it is there, and the cpu
 * for whatever that one refuses or fails at. Each of these is kept for the report.
 */
import { PruneError } from "../errors.js";
import type { ComputedMask, Device, MaskJob } from "./device.js";
import type { DeviceName } from "./devices.js";

/** What masks are wanted from. */
export interface DeviceWish {
  /** `webgpu` where the model runs on it; only then a GPU is asked for. */
  readonly wanted: DeviceName;
  /** The device of the host's runtime, where it has one: no second adapter is asked for then. */
  readonly hostGpu: () => Promise<HostGpu | null>;
  /** Threads of the cpu device; its own choice where absent. */
  readonly threads?: number | undefined;
}

/** The device on which the host runs its sessions. */
export interface HostGpu {
  readonly device: GPUDevice;
  /** To be called when it is no longer used. */
  readonly release: () => Promise<void>;
}

/** A device that says what it is and what it did not do. */
export interface MaskDevice extends Device {
  /** What computed the masks so far: `"cpu"`, `"webgpu (…)"` with the adapter, or both. */
  readonly description: () => string;
  /** Why weights were masked by another device than was wanted, in sentences. */
  readonly refusals: () => readonly string[];
}

/**
 * Opens the device. Where a GPU was wanted and there is none, or it refuses a weight or fails, the cpu does
 * the work and `refusals` says why.
 *
 * @throws PruneError `bad-option` for bad threads
 */
export async function openMaskDevice({ wanted, hostGpu, threads }: DeviceWish): Promise<MaskDevice> {
  const { createCpuDevice } = await import("./cpu/index.js");
  const cpu = createCpuDevice(threads === undefined ? {} : { threads });
  const alone = (refusals: readonly string[]): MaskDevice => ({
    ...cpu,
    description: () => "cpu",
    refusals: () => refusals,
  });
  if (wanted === "cpu") return alone([]);
  const gpu = await openGpu(hostGpu);
  return typeof gpu === "string" ? alone([`masks were computed on the cpu: ${gpu}`]) : withCpu(gpu, cpu);
}

/** A GPU to compute on. */
interface OpenGpu {
  readonly device: Required<Device>;
  /** The adapter, in words. */
  readonly description: string;
  readonly release: () => Promise<void>;
}

/** The host's GPU, or one of our own; why there is none, a clause. */
async function openGpu(hostGpu: DeviceWish["hostGpu"]): Promise<OpenGpu | string> {
  const { createWebGpuDevice, requestGpu } = await import("./webgpu/index.js");
  let host: HostGpu | null;
  try {
    host = await hostGpu();
  } catch (error) {
    return `the host's runtime has no WebGPU (${error instanceof Error ? error.message : String(error)})`;
  }
  const first = await requestGpu(host?.device);
  if (typeof first === "string") {
    await host?.release();
    return first;
  }
  let isTaken = false;
  const acquire = async () => {
    if (!isTaken) {
      isTaken = true;
      return first;
    }
    const next = await requestGpu();
    if (typeof next === "string") throw new Error(next);
    return next;
  };
  const release = async () => {
    // What no job has taken, the device does not know.
    if (!isTaken && first.owned) first.device.destroy();
    await host?.release();
  };
  return { device: createWebGpuDevice({ acquire }), description: first.description, release };
}

/** A device that gives to the cpu what the GPU refuses. */
function withCpu(gpu: OpenGpu, cpu: Device): MaskDevice {
  const refused = new Map<string, Set<string>>();
  let isUsed = false;
  const own = `webgpu (${gpu.description})`;
  return {
    name: "webgpu",
    concurrency: Math.max(cpu.concurrency, gpu.device.concurrency),
    description: () => (refused.size === 0 ? own : isUsed ? `${own} and cpu` : "cpu"),
    refusals: () =>
      [...refused].map(([why, names]) => `masks of ${someOf([...names])} were computed on the cpu: ${why}`),
    refuse: async () => null,
    measure: (...args) => gpu.device.measure(...args),
    refuseToMeasure: (job) => gpu.device.refuseToMeasure(job),
    async computeMask(job: MaskJob, signal?: AbortSignal): Promise<ComputedMask> {
      const masked = await maskOn(gpu.device, job, signal);
      if (typeof masked !== "string") {
        isUsed = true;
        return masked;
      }
      refused.set(masked, (refused.get(masked) ?? new Set()).add(job.label));
      return cpu.computeMask(job, signal);
    },
    async close() {
      try {
        await Promise.all([gpu.device.close(), cpu.close()]);
      } finally {
        await gpu.release();
      }
    },
  };
}

/** The mask, or why the device has none, a clause: it refuses the weight, or has failed. Bad weights are errors. */
async function maskOn(device: Device, job: MaskJob, signal: AbortSignal | undefined): Promise<ComputedMask | string> {
  try {
    return (await device.refuse(job)) ?? (await device.computeMask(job, signal));
  } catch (error) {
    if (signal?.aborted || !(error instanceof PruneError) || error.code !== "device") throw error;
    return error.message;
  }
}

/** Names that a sentence can hold. */
const MOST_NAMES = 3;

const someOf = (names: readonly string[]): string =>
  names.length <= MOST_NAMES
    ? names.join(", ")
    : `${names.slice(0, MOST_NAMES).join(", ")} and ${names.length - MOST_NAMES} others`;
