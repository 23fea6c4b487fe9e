/** Masks of weights. Devices are loaded where one is opened: a page that never prunes loads none. */
export type { ComputedMask, Device, MaskFigures, MaskJob, StoredBytes, WeightBytes } from "./device.js";
export { type DeviceWish, type HostGpu, type MaskDevice, openMaskDevice } from "./mask-device.js";
