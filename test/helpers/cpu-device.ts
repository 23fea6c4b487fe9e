/** What computes masks in tests of other things. */
import { type MaskDevice, openMaskDevice } from "../../src/compute/index.js";

/** The cpu on one thread. */
export const openCpu = (): Promise<MaskDevice> =>
  openMaskDevice({ wanted: "cpu", hostGpu: async () => null, threads: 1 });
