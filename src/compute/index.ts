/**
 * Devices that compute masks. Adding one: a folder that exports a factory, one line in the table,
 * and it must pass the conformance suite (test/compute/conformance.ts).
 */
import { createCpuDevice } from "./cpu/index.js";
import type { Device } from "./device.js";

/** What every device can be told at its start. */
export interface DeviceOptions {
  /** Jobs worked on at once, where the device has threads. */
  readonly threads?: number;
}

/** Every device there is, by the name users write. */
export const DEVICES = {
  cpu: createCpuDevice,
} as const satisfies Record<string, (options?: DeviceOptions) => Device>;

/** Name of a device. */
export type DeviceName = keyof typeof DEVICES;

export { type CpuDeviceOptions, createCpuDevice } from "./cpu/index.js";
export type { ComputedMask, Device, MaskJob, StoredBytes, WeightBytes } from "./device.js";
export { type DeviceWish, type HostGpu, type MaskDevice, openMaskDevice } from "./mask-device.js";
