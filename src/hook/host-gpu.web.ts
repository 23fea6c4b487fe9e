/**
 * The GPU device of the host's runtime in browsers. ONNX Runtime makes it with its first WebGPU session
 * and gives it up with its last, so a tiny session keeps it for as long as masks are computed.
 */
import type { HostGpu } from "../compute/index.js";
import { onnxRuntime } from "./host.js";

/** A model of one Identity node, from a float "x" to "y" (IR version 8, opset 13). */
const IDENTITY = "CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAN";

/**
 * The device on which the host runs its WebGPU sessions; null where it does not show it.
 *
 * @throws the runtime's error where it has no WebGPU
 */
export async function hostGpu(): Promise<HostGpu | null> {
  const { InferenceSession, env } = onnxRuntime();
  const bytes = Uint8Array.from(atob(IDENTITY), (character) => character.charCodeAt(0));
  const session = await InferenceSession.create(bytes, { executionProviders: ["webgpu"] });
  const release = () => session.release();
  try {
    // Older builds have a promise here.
    const device = (await env?.webgpu?.device) as GPUDevice | undefined;
    if (typeof device?.createBuffer === "function") return { device, release };
  } catch (error) {
    await release();
    throw error;
  }
  await release();
  return null;
}
