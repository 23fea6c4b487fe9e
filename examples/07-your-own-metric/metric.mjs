// Tunes CRePE by what a user may care about: how many words of what the model writes are no longer the same.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pipeline, tune } from "transformers-prune";

const model = fileURLToPath(new URL("../../models/austen-1.4m", import.meta.url));
const texts = readFileSync(`${model}/calibration.txt`, "utf8");
const prompts = ["It is a truth", "The garden was", "My dear Emma,", "She had been", "Mr. Knightley", "He was very"];

async function write(generate) {
  const written = await generate(prompts, { max_new_tokens: 12, do_sample: false });
  return written.flatMap(([{ generated_text: text }]) => text.split(/\s+/));
}

const dense = await pipeline("text-generation", model, { dtype: "fp32", local_files_only: true });
const words = await write(dense);
await dense.dispose();

const { report } = await tune(model, {
  sparsity: 0.3,
  calibration: { texts, count: 8, length: 128 },
  metric: {
    name: "changed words",
    task: "text-generation",
    // Lower is better, always.
    measure: async (generate) => {
      const now = await write(generate);
      return words.filter((word, i) => now[i] !== word).length / words.length;
    },
  },
  tokens: 256,
  evaluations: 40,
  register: false,
});
const percent = (share) => `${(100 * share).toFixed(0)}%`;
const { dense: unpruned, ria, wanda, tuned } = report.judged;
console.log(`${report.judge.name}: dense ${percent(unpruned)}, tuned ${percent(tuned)}`);
console.log(`ria ${percent(ria)}, wanda ${percent(wanda)}`);
