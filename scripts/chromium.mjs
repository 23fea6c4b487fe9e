/**
 * Where Chromium is, and how to start it with a software GPU. Its folder also holds SwiftShader's Vulkan
 * driver, on which Dawn runs in Node. Tests, benchmarks and screenshots ask here.
 *
 * CHROMIUM_PATH names another Chromium; GPU=hardware leaves the machine's own GPU in use.
 */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { chromium } from "playwright";

/** What to do where there is none. */
export const HOW_TO_INSTALL =
  "run `npm run chromium`, which installs one, or name yours in CHROMIUM_PATH (a machine with a GPU of its own: set GPU=hardware)";

/** Whether tests shall run on the machine's own GPU. */
export const USES_HARDWARE = process.env.GPU === "hardware";

/** Debian's package; its launcher in /usr/bin is a script. */
const DEBIAN = { executable: "/usr/bin/chromium", folder: "/usr/lib/chromium" };

/**
 * The Chromium of this machine: the one that is named, Debian's, or Playwright's own download.
 *
 * @returns {{ executable: string, folder: string } | null} `folder` holds its libraries
 * @throws where CHROMIUM_PATH names no file
 */
export function findChromium() {
  const named = process.env.CHROMIUM_PATH;
  if (named !== undefined) {
    if (!existsSync(named)) throw new Error(`CHROMIUM_PATH is ${named}, which does not exist`);
    return named === DEBIAN.executable ? DEBIAN : { executable: named, folder: dirname(realpathSync(named)) };
  }
  if (existsSync(join(DEBIAN.folder, "chromium"))) return DEBIAN;
  const own = chromium.executablePath();
  return existsSync(own) ? { executable: own, folder: dirname(own) } : null;
}

/**
 * How Playwright starts Chromium with WebGPU.
 *
 * @returns {{ executablePath: string, args: string[] }}
 * @throws where there is no Chromium
 */
export function launchOptions() {
  const found = findChromium();
  if (found === null) throw new Error(`there is no Chromium here: ${HOW_TO_INSTALL}`);
  const software = [
    "--use-webgpu-adapter=swiftshader",
    "--use-vulkan=swiftshader",
    // SwiftShader compiles this way of clearing workgroup memory as one store for each element: a second for a kernel.
    "--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension",
  ];
  return {
    executablePath: found.executable,
    args: [
      "--enable-unsafe-webgpu",
      "--ignore-gpu-blocklist",
      ...(process.platform === "linux" ? ["--enable-features=Vulkan"] : []),
      ...(USES_HARDWARE ? [] : software),
    ],
  };
}

/**
 * The environment in which Node's WebGPU (the package `webgpu`) finds SwiftShader. It must be there before a
 * process starts.
 *
 * @param {string} runtimeFolder an empty folder, which Vulkan's loader wants
 * @returns {NodeJS.ProcessEnv}
 * @throws where there is no Chromium, or none with a Vulkan driver
 */
export function softwareGpuEnvironment(runtimeFolder) {
  if (USES_HARDWARE) return process.env;
  const found = findChromium();
  const driver = found && join(found.folder, "vk_swiftshader_icd.json");
  if (found === null || driver === null || !existsSync(driver))
    throw new Error(`there is no ${driver ?? "Chromium"} here, the software GPU of these tests: ${HOW_TO_INSTALL}`);
  const { LD_LIBRARY_PATH, XDG_RUNTIME_DIR } = process.env;
  return {
    ...process.env,
    LD_LIBRARY_PATH: [found.folder, LD_LIBRARY_PATH].filter(Boolean).join(":"),
    VK_DRIVER_FILES: driver,
    XDG_RUNTIME_DIR: XDG_RUNTIME_DIR ?? runtimeFolder,
  };
}
