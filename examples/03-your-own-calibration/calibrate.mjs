// Three ways to say what a model is calibrated on. All of them end in the same kind of report.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pipeline } from "transformers-prune";

const model = fileURLToPath(new URL("../../models/austen-1.4m", import.meta.url));
const novel = readFileSync(`${model}/calibration.txt`, "utf8");

async function prune(calibration) {
  const onReport = ({ calibration: on, zeros, prunable }) =>
    console.log(`${zeros} of ${prunable} zeros, calibrated on ${on}`);
  const prune = { method: "wanda", pattern: "2:4", calibration, cache: false, onReport };
  const generate = await pipeline("text-generation", model, { dtype: "fp32", local_files_only: true, prune });
  await generate.dispose();
}

// 1. Text: cut into windows of tokens.
await prune({ texts: novel, count: 8, length: 128 });

// 2. Token ids, as they are.
await prune({
  tokens: [
    [48, 695, 85, 1289, 199],
    [1189, 199, 42],
  ],
});

// 3. Any use of the model: the function gets the tapped pipeline, and every token that passes counts.
//    This is the way for speech, vision and embedding models.
await prune({
  run: async (generate) => {
    for (const prompt of ["It is a truth", "The garden was", "My dear Emma,"])
      await generate(prompt, { max_new_tokens: 16 });
  },
});
