/** What computes the masks of a session file: the device that the host runs the file on, as far as it can. */
import { type MaskDevice, openMaskDevice } from "../compute/index.js";
import type { SessionOptions } from "../runtime/index.js";
import { hostGpu } from "./host-gpu.node.js";

/**
 * Opens the device for a session with these options; the host has put into them what the user's `device` means.
 *
 * @param threads of the cpu device; its own choice where absent
 * @throws PruneError `bad-option` for bad threads
 */
export const openDeviceFor = (options: SessionOptions, threads?: number): Promise<MaskDevice> =>
  openMaskDevice({ wanted: runsOnWebGpu(options) ? "webgpu" : "cpu", hostGpu, threads });

/** Whether the first execution provider that a session asks for is WebGPU. */
function runsOnWebGpu({ executionProviders }: SessionOptions): boolean {
  const [first] = Array.isArray(executionProviders) ? executionProviders : [];
  return (typeof first === "string" ? first : (first as { name?: unknown } | undefined)?.name) === "webgpu";
}
