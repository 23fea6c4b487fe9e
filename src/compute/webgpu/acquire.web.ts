/** The GPU in browsers: the host's device, or one of our own from `navigator.gpu`. Twin: acquire.node.ts. */
import { type AcquiredGpu, givenGpu, requestFrom } from "./acquired-gpu.js";

/**
 * A GPU to compute on.
 *
 * @param given the host's device, which is used as it is: never a second adapter beside it
 * @returns the GPU, or why there is none, a clause
 */
export async function requestGpu(given?: GPUDevice | null): Promise<AcquiredGpu | string> {
  if (given) return givenGpu(given);
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  return gpu === undefined ? "this browser, or a page without https, has no WebGPU" : requestFrom(gpu);
}
