/** A worker as a page has it to prune in: answers with a mask of the CPU device. */
import { createCpuDevice } from "../../../src/compute/cpu/index.js";
import { plainJob } from "./plain-job.js";

const device = createCpuDevice({ threads: 2 });
device.computeMask(plainJob()).then((mask) => {
  postMessage(mask);
  return device.close();
});
