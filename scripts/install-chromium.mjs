/**
 * Installs Chromium for `npm run test:gpu` and `npm run test:browser`: Debian's package where apt-get is at
 * hand, else Playwright's download with what it needs of the system. Does nothing where there is one.
 *
 *   npm run chromium
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { findChromium } from "./chromium.mjs";

/** Other systems of Debian's family have a `chromium` that only installs a snap. */
const isDebian = existsSync("/etc/os-release") && /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
const isRoot = process.getuid?.() === 0;

/**
 * Runs a command before everybody's eyes.
 *
 * @param {string} command
 * @param {...string} args
 * @returns {boolean} whether it succeeded
 */
function run(command, ...args) {
  console.log(`> ${[command, ...args].join(" ")}`);
  return spawnSync(command, args, { stdio: "inherit" }).status === 0;
}

const installDebians = () =>
  run("apt-get", "update") && run("apt-get", "install", "-y", "--no-install-recommends", "chromium");

function installPlaywrights() {
  const cli = join(dirname(createRequire(import.meta.url).resolve("playwright/package.json")), "cli.js");
  // With its own libraries only where that may be done; --no-shell: WebGPU needs the whole browser.
  const needs = process.platform === "linux" && isRoot ? ["--with-deps"] : [];
  return run(process.execPath, cli, "install", "--no-shell", ...needs, "chromium");
}

const before = findChromium();
if (before === null) {
  const done = (isDebian && isRoot && installDebians()) || installPlaywrights();
  if (!done || findChromium() === null) {
    console.error("Chromium could not be installed; install it by other means and name it in CHROMIUM_PATH");
    process.exit(1);
  }
}
console.log(`Chromium: ${findChromium()?.executable}${before === null ? "" : " (was there)"}`);
