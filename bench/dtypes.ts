/**
 * What pruning costs in quality in every dtype of a model: perplexity dense and pruned (protocol P1,
 * WikiText-2), their ratio, and that ratio against float32's. Every pruned file is also written, loaded
 * by stock transformers.js and made to generate.
 *
 *   PRUNE_MODELS=… node bench/run.mjs dtypes --texts ../shared/models/text [--files smollm2-135m/model_q4,…]
 *
 * The first file is what the others are compared with.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { env, pipeline, type TextGenerationPipeline } from "@huggingface/transformers";
import { coefficientLibrary } from "../src/hook/coefficient-library.js";
import { pruneModel } from "../src/hook/index.js";
import { GOLDEN, type GoldenModel, type GoldenRow, GoldenRun } from "../test/helpers/golden.js";

const { values: flags } = parseArgs({
  options: {
    texts: { type: "string", default: "../shared/models/text" },
    files: {
      type: "string",
      default:
        "smollm2-135m/model,smollm2-135m/model_fp16,smollm2-135m/model_quantized,smollm2-135m/model_q4,smollm2-135m-gqa/model,smollm2-135m-gqa/model_fp16,smollm2-135m-gqa/model_quantized,smollm2-135m-gqa/model_q4",
    },
  },
});
const models = process.env.PRUNE_MODELS ?? "";
const protocol = GOLDEN["smollm2-135m"] as GoldenModel;
const texts = {
  calibration: readFileSync(join(flags.texts, "wikitext2-valid.txt"), "utf8"),
  evaluation: readFileSync(join(flags.texts, "wikitext2-test.txt"), "utf8"),
};

const UNMEASURED = { passes: 1, perplexity: 0, zeros: 0 };
const ROWS: readonly GoldenRow[] = [
  { method: "ria", sparsity: 0.5, ...UNMEASURED },
  { method: "crepe", sparsity: 0.5, ...UNMEASURED },
  { method: "ria", pattern: "2:4", ...UNMEASURED },
  { method: "crepe", pattern: "2:4", ...UNMEASURED },
];
const DTYPES: Readonly<Record<string, "fp32" | "fp16" | "q8" | "q4">> = {
  model: "fp32",
  model_fp16: "fp16",
  model_quantized: "q8",
  model_q4: "q4",
};

/** What stock transformers.js generates from the pruned model. */
async function generated(model: string, file: string, { method, sparsity, pattern }: GoldenRow): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "bench-dtypes-"));
  try {
    const how = pattern === undefined ? { sparsity: sparsity as number } : { pattern };
    const dtype = DTYPES[file] as "fp32";
    const prune = { method, ...how, calibration: { count: 4, length: 128 } } as Parameters<
      typeof pruneModel
    >[1]["prune"];
    const { out } = await pruneModel(model, { prune, out: join(folder, "pruned"), dtype, local_files_only: true });
    env.allowRemoteModels = false;
    const generate = (await pipeline("text-generation", out, {
      dtype,
      local_files_only: true,
    })) as TextGenerationPipeline;
    const [answer] = (await generate("The capital of France is", { max_new_tokens: 8, do_sample: false })) as {
      generated_text: string;
    }[];
    await generate.dispose();
    return JSON.stringify(answer?.generated_text ?? "");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const nameOf = ({ method, sparsity, pattern }: GoldenRow) => `${method} ${pattern ?? `${100 * (sparsity ?? 0)}%`}`;

console.log(
  "| file | | perplexity | of dense | against the first file | stock transformers.js |\n|---|---|---:|---:|---:|---|",
);
const first = new Map<string, number>();
for (const path of flags.files.split(",")) {
  const [folder, file] = [join(models, dirname(path)), basename(path)];
  const library = coefficientLibrary(null, folder, { local_files_only: true });
  const run = await GoldenRun.open(folder, protocol, texts, { file, library });
  try {
    const dense = await run.dense();
    console.log(`| ${path} | dense | ${dense.toFixed(2)} | | | |`);
    for (const row of ROWS) {
      const { perplexity } = await run.measure(row);
      const ratio = perplexity / dense;
      const base = first.get(nameOf(row)) ?? ratio;
      first.set(nameOf(row), base);
      const text = await generated(folder, file, row);
      console.log(
        `| ${path} | ${nameOf(row)} | ${perplexity.toFixed(2)} | ${ratio.toFixed(3)} | ${(ratio / base).toFixed(3)} | ${text} |`,
      );
    }
  } finally {
    await run.close();
  }
}
