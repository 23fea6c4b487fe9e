/** Holds the devices that run everywhere to the suite; those that need a GPU are in webgpu/. */
import { createCpuDevice } from "../../src/compute/cpu/index.js";
import { describeDevice } from "./conformance.js";

describeDevice("cpu", async () => createCpuDevice({ threads: 2 }));
