/**
 * The GPU in Node: the host's device, or one of our own from `navigator.gpu` where the process has it, or from
 * the optional package `webgpu` (Dawn for Node). Twin: acquire.web.ts.
 */
import { type AcquiredGpu, givenGpu, requestFrom } from "./acquired-gpu.js";

/** In a variable, so that bundlers leave the import to the user's installation. */
const OPTIONAL_PACKAGE = "webgpu";

/** What the package exports. */
interface Dawn {
  readonly create: (options: string[]) => GPU;
  readonly globals: object;
}

/** Dawn's instance, which must live as long as its devices. */
let dawn: GPU | undefined;

async function loadDawn(): Promise<GPU | string> {
  if (dawn !== undefined) return dawn;
  let loaded: Dawn;
  try {
    loaded = await import(/* @vite-ignore */ OPTIONAL_PACKAGE);
  } catch (error) {
    const isMissing = (error as { code?: string }).code === "ERR_MODULE_NOT_FOUND";
    return isMissing
      ? "Node has no WebGPU; install the package webgpu"
      : `the package webgpu does not load: ${error instanceof Error ? error.message : String(error)}`;
  }
  // GPUBufferUsage and the like, as browsers have them.
  for (const [name, value] of Object.entries(Object.getOwnPropertyDescriptors(loaded.globals)))
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, value);
  dawn = loaded.create([]);
  return dawn;
}

/**
 * A GPU to compute on.
 *
 * @param given the host's device, which is used as it is: never a second adapter beside it
 * @returns the GPU, or why there is none, a clause
 */
export async function requestGpu(given?: GPUDevice | null): Promise<AcquiredGpu | string> {
  if (given) return givenGpu(given);
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu ?? (await loadDawn());
  return typeof gpu === "string" ? gpu : requestFrom(gpu);
}
