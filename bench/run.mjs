/**
 * Runs a benchmark written in TypeScript: bundles `bench/<name>.ts` with esbuild (it comes with tsup)
 * and starts it with the garbage collector exposed, so that memory figures mean something.
 *
 *   node bench/run.mjs open models/austen-1.4m/onnx/model.onnx
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const [name, ...options] = process.argv.slice(2);
const root = fileURLToPath(new URL("..", import.meta.url));
const entry = `${root}bench/${name}.ts`;
if (name === undefined || !existsSync(entry)) {
  const names = readdirSync(`${root}bench`).flatMap((file) => (file.endsWith(".ts") ? [file.slice(0, -3)] : []));
  console.error(`usage: npm run bench -- <name> [options]; names: ${names.join(", ")}`);
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
// Mask workers are started from a file beside the bundle.
copyFileSync(`${root}src/compute/cpu/worker.mjs`, `${root}node_modules/.cache/bench/worker.mjs`);
const { status } = spawnSync(process.execPath, ["--expose-gc", outfile, ...options], { stdio: "inherit" });
process.exit(status ?? 1);
