/**
 * The GPU of the benchmarks: the machine's own with GPU=hardware, else Chromium's software GPU, whose
 * environment bench/run.mjs sets. Dawn then clears workgroup memory by a loop, because SwiftShader takes a
 * second for each kernel to compile the other way; on hardware nothing is changed.
 */
import { create, globals } from "webgpu";
import { type AcquiredGpu, requestFrom } from "../../src/compute/webgpu/acquired-gpu.js";
import { requestGpu } from "../../src/compute/webgpu/index.js";

/** Dawn's instance, which must live as long as its devices. */
let dawn: GPU | undefined;

/** @throws Error where there is none */
export async function openGpu(): Promise<AcquiredGpu> {
  Object.assign(globalThis, globals);
  dawn ??= create(["disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension"]);
  const acquired = await (process.env.GPU === "hardware" ? requestGpu() : requestFrom(dawn));
  if (typeof acquired === "string") throw new Error(acquired);
  return acquired;
}
