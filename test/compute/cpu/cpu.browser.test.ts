/** The CPU device on Web Workers: the suite of all devices, in a page. */
import { createCpuDevice } from "../../../src/compute/cpu/index.js";
import { describeDevice } from "../conformance.js";

describeDevice("cpu in a page", () => createCpuDevice({ threads: 2 }));
