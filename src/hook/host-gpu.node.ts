/** The GPU device of the host's runtime: onnxruntime-node has one of its own that JavaScript cannot reach. */
import type { HostGpu } from "../compute/index.js";

/** None. */
export const hostGpu = async (): Promise<HostGpu | null> => null;
