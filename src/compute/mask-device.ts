/**
 * The device that computes the masks of a model: the one that was wanted where it is there, and the cpu
 * for whatever that one refuses. Each refusal is kept for the report.
 */
import type { Device } from "./device.js";

/** What masks are wanted from. */
export interface DeviceWish {
  /** `webgpu` where the model runs on it; only then a GPU is asked for. */
  readonly wanted: "cpu" | "webgpu";
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
  /** What computes the masks, with its adapter: `"cpu"`, `"webgpu (…)"`. */
  readonly description: () => string;
  /** Why weights were masked by another device than was wanted, in sentences. */
  readonly refusals: () => readonly string[];
}

/**
 * Opens the device. Where a GPU was wanted and there is none, or it refuses a weight, the cpu does the
 * work and `refusals` says why.
 *
 * @throws PruneError `bad-option` for bad threads
 */
export async function openMaskDevice({ wanted, threads }: DeviceWish): Promise<MaskDevice> {
  const { createCpuDevice } = await import("./cpu/index.js");
  const cpu = createCpuDevice(threads === undefined ? {} : { threads });
  const alone = (refusals: readonly string[]): MaskDevice => ({
    ...cpu,
    description: () => "cpu",
    refusals: () => refusals,
  });
  if (wanted === "cpu") return alone([]);
  return alone(["masks were computed on the cpu: there are no kernels for a GPU yet"]);
}
