#!/usr/bin/env node
/**
 * The program: joins the command line to the process. The one place that reads arguments and sets the exit code. The
 * commands are loaded when one runs, so that `--help` does not wait for a runtime.
 */
import type { Commands } from "./commands.js";
import { main } from "./main.js";

const commands: Commands = {
  pruneModel: async (...args) => (await import("../hook/index.js")).pruneModel(...args),
  estimatePrune: async (...args) => (await import("../hook/index.js")).estimatePrune(...args),
  evaluateModel: async (...args) => (await import("../hook/index.js")).evaluateModel(...args),
  inspectModel: async (...args) => (await import("../hook/index.js")).inspectModel(...args),
  tune: async (...args) => (await import("../hook/index.js")).tune(...args),
  listCoefficients: async (...args) => (await import("../hook/index.js")).listCoefficients(...args),
  importCoefficients: async (...args) => (await import("../hook/index.js")).importCoefficients(...args),
  exportCoefficients: async (...args) => (await import("../hook/index.js")).exportCoefficients(...args),
};

const controller = new AbortController();
// Once: the first Ctrl-C stops the work and cleans up, a second one ends the process at once.
process.once("SIGINT", () => controller.abort());

// `transformers-prune inspect … | head` closes our output early; that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

void main(
  process.argv.slice(2),
  { stdout: process.stdout, stderr: process.stderr, env: process.env, signal: controller.signal },
  commands,
).then((exitCode) => {
  process.exitCode = exitCode;
});
