// Prunes a model into a directory and loads that directory with stock transformers.js.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pipeline } from "@huggingface/transformers";
import { inspectModel, pruneModel } from "transformers-prune";

const model = fileURLToPath(new URL("../../models/austen-1.4m", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "transformers-prune-export-"));
try {
  const { out } = await pruneModel(model, {
    prune: { method: "magnitude", sparsity: 0.5 },
    out: join(folder, "austen-50"),
  });
  const { files } = await inspectModel(out);
  for (const { name, sparsity } of files[0].weights.slice(0, 3)) console.log(name, sparsity);
  const { method, pattern } = JSON.parse(readFileSync(join(out, "prune.json"), "utf8")).reports[0];
  console.log(`prune.json: ${method}, ${pattern}`);
  const generate = await pipeline("text-generation", out, { dtype: "fp32", local_files_only: true });
  const [{ generated_text }] = await generate("My dear Emma,", { max_new_tokens: 8 });
  console.log(`stock transformers.js: ${generated_text}`);
  await generate.dispose();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
