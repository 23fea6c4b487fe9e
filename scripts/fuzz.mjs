// Fuzzing by hand: `npm run fuzz -- --seconds 600 --seed 7`, `npm run fuzz -- --seed 7 --only 1234 --keep mutant.onnx`.
// See CONTRIBUTING.md.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundleInto } from "../test/fuzz/bundle.mjs";

process.chdir(join(dirname(fileURLToPath(import.meta.url)), ".."));
const folder = mkdtempSync(join(tmpdir(), "transformers-prune-fuzz-"));
try {
  await bundleInto(folder, ["child", "main"]);
  await import(pathToFileURL(join(folder, "main.mjs")).href);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
