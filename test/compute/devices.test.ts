/** Holds every device of the table to the same suite. */
import { DEVICES } from "../../src/compute/devices.js";
import { describeDevice } from "./conformance.js";

for (const [name, create] of Object.entries(DEVICES)) describeDevice(name, () => create({ threads: 2 }));
