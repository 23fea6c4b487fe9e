/**
 * `npm run test:gpu`: the tests that need a GPU, *.gpu.test.ts, in Node on Chromium's software GPU, or with
 * GPU=hardware on the machine's own. Without an adapter it fails and says what to install. Arguments are vitest's.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOW_TO_INSTALL, softwareGpuEnvironment } from "./chromium.mjs";
import { runVitest } from "./run-vitest.mjs";

/** Prints the adapter; fails where there is none. */
const PROBE = `
  import { create } from "webgpu";
  const { info } = (await create([]).requestAdapter()) ?? {};
  if (!info) process.exit(1);
  console.log([info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(" "));
  process.exit(0);`;

const runtimeFolder = mkdtempSync(join(tmpdir(), "transformers-prune-gpu-"));
try {
  const env = softwareGpuEnvironment(runtimeFolder);
  const probe = spawnSync(process.execPath, ["--input-type=module", "-e", PROBE], { env, encoding: "utf8" });
  if (probe.status !== 0) throw new Error(`WebGPU finds no adapter in Node: ${HOW_TO_INSTALL}\n${probe.stderr}`.trim());
  console.log(`GPU: ${probe.stdout.trim()}`);
  process.exitCode = runVitest("vitest.gpu.config.ts", env);
} catch (error) {
  console.error(`npm run test:gpu: ${/** @type {Error} */ (error).message}`);
  process.exitCode = 1;
} finally {
  rmSync(runtimeFolder, { recursive: true, force: true });
}
