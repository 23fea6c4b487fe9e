/**
 * Runs a benchmark written in TypeScript: bundles `bench/<name>.ts` with esbuild (it comes with tsup)
 * and starts it with the garbage collector exposed, so that memory figures mean something.
 *
 *   node bench/run.mjs open models/austen-1.4m/onnx/model.onnx
 *
 * Those whose name begins with "gpu" run on Chromium's software GPU, with GPU=hardware on the machine's own.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { softwareGpuEnvironment } from "../scripts/chromium.mjs";

const [name, ...options] = process.argv.slice(2);
const root = fileURLToPath(new URL("..", import.meta.url));
const entry = `${root}bench/${name}.ts`;
if (name === undefined || !existsSync(entry)) {
  const names = readdirSync(`${root}bench`).flatMap((file) => (file.endsWith(".ts") ? [file.slice(0, -3)] : []));
  console.error(`usage: npm run bench -- <name> [options]; names: ${names.join(", ")}`);
  process.exit(2);
}

const outdir = `${root}node_modules/.cache/bench`;
// Mask workers are started from a file beside the bundle.
await build({
  entryPoints: { [name]: entry, worker: `${root}src/compute/cpu/worker.mjs` },
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  logLevel: "warning",
});
// Those on the GPU run on Chromium's software GPU, or with GPU=hardware on the machine's own.
const runtimeFolder = mkdtempSync(join(tmpdir(), "transformers-prune-gpu-"));
const env = name.startsWith("gpu") ? softwareGpuEnvironment(runtimeFolder) : process.env;
const { status } = spawnSync(process.execPath, ["--expose-gc", `${outdir}/${name}.mjs`, ...options], {
  stdio: "inherit",
  env,
});
rmSync(runtimeFolder, { recursive: true, force: true });
process.exit(status ?? 1);
