/** A GPU to compute on, and whose it is. */

/** A device, ready to be used. */
export interface AcquiredGpu {
  readonly device: GPUDevice;
  /** Vendor, architecture and driver, as far as the adapter says. */
  readonly description: string;
  /** Whether it was made for us: then it is destroyed when it is no longer needed. A host's device never is. */
  readonly owned: boolean;
}

/** Limits that are asked for as high as the adapter has them. */
const LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

/** Features that are used where they are there: timing of kernels. `shader-f16` is not (kernels/weight.ts says why). */
const FEATURES = ["timestamp-query"] as const;

/** What an adapter says of itself, in words. */
export function describeAdapter({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  const words = [vendor, architecture, device, description].filter((word) => word !== "");
  return words.length > 0 ? [...new Set(words)].join(" ") : "an adapter without a name";
}

/** A host's device as it is. */
export const givenGpu = (device: GPUDevice): AcquiredGpu => ({
  device,
  description: device.adapterInfo === undefined ? "the host's device" : describeAdapter(device.adapterInfo),
  owned: false,
});

/**
 * A device of our own with the highest limits that the adapter has.
 *
 * @returns the device, or why there is none, a clause
 */
export async function requestFrom(gpu: GPU): Promise<AcquiredGpu | string> {
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (adapter === null) return "no adapter: the browser or the driver offers none";
    const device = await adapter.requestDevice({
      label: "transformers-prune",
      requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
      requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
    });
    return { device, description: describeAdapter(adapter.info), owned: true };
  } catch (error) {
    return `no device: ${error instanceof Error ? error.message : String(error)}`;
  }
}
