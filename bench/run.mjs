/**
 * Runs a benchmark written in TypeScript: bundles `bench/<name>.ts` with esbuild (it comes with tsup)
 * and starts it with the garbage collector exposed, so that memory figures mean something.
 *
 *   node bench/run.mjs open models/austen-1.4m/onnx/model.onnx
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const [name, ...options] = process.argv.slice(2);
const root = fileURLToPath(new URL("..", import.meta.url));
const entry = `${root}bench/${name}.ts`;
if (name === undefined || !existsSync(entry)) {
  console.error(`usage: node bench/run.mjs <name> [options]; there is no ${entry}`);
  process.exit(2);
}

const outfile = `${root}node_modules/.cache/bench/${name}.mjs`;
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  logLevel: "warning",
});
const { status } = spawnSync(process.execPath, ["--expose-gc", outfile, ...options], { stdio: "inherit" });
process.exit(status ?? 1);
