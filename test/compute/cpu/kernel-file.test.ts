/** The committed kernel must be what its sources compile to. */
import { expect, it } from "vitest";
import { compileKernel, hashSources } from "../../../scripts/build-kernel.mjs";
import { KERNEL_SOURCE_HASH, KERNEL_WASM } from "../../../src/compute/cpu/kernel.wasm.js";

it("kernel.wasm.ts was built from the sources beside it; run `node scripts/build-kernel.mjs` where it was not", async () => {
  expect(KERNEL_SOURCE_HASH).toBe(hashSources());
  const { wasm } = await compileKernel();
  expect(Buffer.from(wasm).toString("base64")).toBe(KERNEL_WASM);
}, 60_000);
