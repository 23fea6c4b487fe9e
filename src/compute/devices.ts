/**
 * The table of devices. Adding one: a folder that exports a factory, one line here, a case of
 * mask-device.ts, which says when it is taken, and it must pass the conformance suite (test/compute/conformance.ts).
 */
import { createCpuDevice } from "./cpu/index.js";
import type { Device } from "./device.js";
import { createWebGpuDevice } from "./webgpu/index.js";

/** Every device there is, by the name users write; each has options of its own. */
export const DEVICES = {
  cpu: createCpuDevice,
  webgpu: createWebGpuDevice,
} as const satisfies Record<string, (options: never) => Device>;

/** Name of a device. */
export type DeviceName = keyof typeof DEVICES;
