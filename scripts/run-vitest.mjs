/** Runs vitest with one of the configurations that `npm test` leaves out. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * Arguments of this process are passed on.
 *
 * @param {string} config its file
 * @param {NodeJS.ProcessEnv} env
 * @returns {number} exit code
 */
export function runVitest(config, env = process.env) {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const given = process.argv.slice(2);
  // A test that is named may be of the other configuration.
  const args = ["run", "--config", config, ...given, ...(given.length > 0 ? ["--passWithNoTests"] : [])];
  return spawnSync(process.execPath, [vitest, ...args], { env, stdio: "inherit" }).status ?? 1;
}
