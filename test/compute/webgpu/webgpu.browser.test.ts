/** The WebGPU device in a page, under the suite of all devices. Fails on anything that the device has against us. */
import { afterEach, expect } from "vitest";
import { requestGpu } from "../../../src/compute/webgpu/acquire.node.js";
import { createWebGpuDevice } from "../../../src/compute/webgpu/index.js";
import { describeDevice } from "../conformance.js";

const errors: string[] = [];
afterEach(() => expect(errors.splice(0)).toEqual([]));

async function acquire() {
  const acquired = await requestGpu();
  if (typeof acquired === "string") throw new Error(`${acquired}; run npm run chromium`);
  acquired.device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
  return acquired;
}

describeDevice("webgpu in a page", async () => createWebGpuDevice({ acquire }), { refusesPermuted: true });
