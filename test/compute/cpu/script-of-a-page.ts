/** A script of a page: its title becomes the length of a mask, or why there is none. */
import { createCpuDevice } from "../../../src/compute/cpu/index.js";
import { plainJob } from "./plain-job.js";

const device = createCpuDevice({ threads: 1 });
device.computeMask(plainJob()).then(
  ({ bits }) => {
    document.title = `${bits.length} bytes`;
  },
  ({ message }) => {
    document.title = message;
  },
);
