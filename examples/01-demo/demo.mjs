// Prunes the language model that ships in this repository and shows what it cost: text before and
// after, and the perplexity of every method and preset on a novel that the model never saw.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { evaluateModel, METHODS, pipeline, pruneModel } from "transformers-prune";

const model = fileURLToPath(new URL("../../models/austen-1.4m", import.meta.url));
const read = (name) => readFileSync(join(model, name), "utf8");
const calibration = { texts: read("calibration.txt"), count: 32, length: 256 };
const evaluation = { text: read("persuasion.txt"), length: 256, windows: 32 };
const prompt = "It was a fine morning, and";

async function continuation(options) {
  const generate = await pipeline("text-generation", model, { dtype: "fp32", local_files_only: true, ...options });
  const [{ generated_text }] = await generate(prompt, { max_new_tokens: 16 });
  await generate.dispose();
  return generated_text.slice(prompt.length);
}

console.log(`"${prompt} …"`);
console.log("  dense: ", await continuation({}));
console.log("  2:4:   ", await continuation({ prune: { pattern: "2:4", calibration, cache: false } }));

const folder = mkdtempSync(join(tmpdir(), "transformers-prune-demo-"));
try {
  const row = (name, perplexity, zeros, seconds) =>
    console.log(`${name.padEnd(10)} ${perplexity.padStart(11)} ${zeros.padStart(9)} ${seconds.padStart(8)}`);
  row("\nprune", "perplexity", "zeros", "seconds");
  row("dense", (await evaluateModel(model, evaluation)).perplexity.toFixed(2), "0", "");
  const ways = [
    ...Object.keys(METHODS).map((method) => [method, { method }]),
    ...["balanced", "best"].map((preset) => [preset, { preset }]),
  ];
  for (const [name, way] of ways) {
    const out = join(folder, name);
    const { reports } = await pruneModel(model, { prune: { ...way, pattern: "2:4", calibration }, out });
    const [{ zeros, seconds }] = reports;
    const { perplexity } = await evaluateModel(out, evaluation);
    row(name, perplexity.toFixed(2), String(zeros), seconds.total.toFixed(1));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
