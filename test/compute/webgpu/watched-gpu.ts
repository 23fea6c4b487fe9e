/** GPUs for tests: none is a failure, and so is every error that a device reports to nobody in particular. */

import { afterEach, beforeEach, expect } from "vitest";
import { create, globals } from "webgpu";
import { type AcquiredGpu, requestFrom } from "../../../src/compute/webgpu/acquired-gpu.js";
import type { WebGpuOptions } from "../../../src/compute/webgpu/index.js";
import { createWebGpuDevice } from "../../../src/compute/webgpu/index.js";

Object.assign(globalThis, globals);
/**
 * Dawn, told to clear workgroup memory by a loop: SwiftShader compiles the other way as one store for each
 * element, which takes a second for a tile.
 */
const dawn = create(["disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension"]);

/** A GPU of its own. */
export async function acquireGpu(): Promise<AcquiredGpu> {
  const acquired = await requestFrom(dawn);
  if (typeof acquired === "string") throw new Error(acquired);
  return acquired;
}

const errors: string[] = [];
const watched = new Set<GPUDevice>();

/** Collects what a device complains of, in scopes around the test or outside of all scopes. */
export function watch({ device }: AcquiredGpu): void {
  watched.add(device);
  device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
  device.lost.then(() => watched.delete(device));
}

beforeEach(() => {
  for (const device of watched) device.pushErrorScope("validation");
});

afterEach(async () => {
  for (const device of watched) {
    const error = await device.popErrorScope().catch(() => null);
    if (error !== null) errors.push(error.message);
  }
  expect(errors.splice(0)).toEqual([]);
});

let shared: Promise<AcquiredGpu> | undefined;

/**
 * A device to be tested, watched. All in a file share one GPU, which then compiles every kernel once; to them
 * it is a host's.
 */
export async function watchedDevice(options: Omit<WebGpuOptions, "acquire"> = {}) {
  shared ??= acquireGpu().then((acquired) => {
    watch(acquired);
    return { ...acquired, owned: false };
  });
  const acquired = await shared;
  return createWebGpuDevice({ ...options, acquire: async () => acquired });
}
