// Tunes CRePE for a model and a pattern, then prunes with what was found, in a folder of its own.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pruneModel, tune } from "transformers-prune";

const model = fileURLToPath(new URL("../../models/austen-1.4m", import.meta.url));
const read = (name) => readFileSync(join(model, name), "utf8");
const calibration = { texts: read("calibration.txt"), count: 16, length: 256 };
const cache_dir = mkdtempSync(join(tmpdir(), "transformers-prune-tune-"));
try {
  const { report, registered } = await tune(model, {
    pattern: "2:4",
    calibration,
    text: read("persuasion.txt"),
    windows: 16,
    length: 256,
    evaluations: 60,
    cache_dir,
  });
  const { dense, ria, wanda, tuned } = report.judged;
  console.log(`perplexity: dense ${dense.toFixed(1)}, tuned ${tuned.toFixed(1)}`);
  console.log(`ria ${ria.toFixed(1)}, wanda ${wanda.toFixed(1)}`);
  console.log(`${report.steps.length} candidates, ${registered ? "kept" : "not kept"}`);

  const out = join(cache_dir, "pruned");
  const { reports } = await pruneModel(model, {
    prune: { method: "crepe", pattern: "2:4", calibration },
    out,
    cache_dir,
  });
  console.log(`pruned with coefficients ${reports[0].coefficientsFrom.split(" (")[0]}`);
} finally {
  rmSync(cache_dir, { recursive: true, force: true });
}
