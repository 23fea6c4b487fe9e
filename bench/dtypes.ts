/**
 * What pruning costs in quality in every dtype of a model: perplexity dense and pruned (protocol P1,
 * WikiText-2), their ratio, and that ratio against float32's. Beside it the perplexity of the float32
 * file under the same masks, which tells what the masks lose from what the dtype's arithmetic does.
 * Every pruned file is also written, loaded by stock transformers.js and made to generate.
 *
 *   PRUNE_MODELS=… node bench/run.mjs dtypes --texts ../shared/models/text [--dtypes fp32,fp16,q8,q4]
 *     [--models smollm2-135m,smollm2-135m-gqa] [--only "crepe 2:4"] [--coefficients '{"power":0.8}']
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { env, pipeline, type TextGenerationPipeline } from "@huggingface/transformers";
import type { ComputedMask } from "../src/compute/index.js";
import { coefficientLibrary } from "../src/hook/coefficient-library.node.js";
import { pruneModel } from "../src/hook/index.js";
import { emptyMask, isKept, keep } from "../src/pattern/index.js";
import type { Masked, Plan } from "../src/prune/index.js";
import type { Coefficients } from "../src/score/index.js";
import { GOLDEN, type GoldenModel, type GoldenRow, GoldenRun } from "../test/helpers/golden.js";

const { values: flags } = parseArgs({
  options: {
    texts: { type: "string", default: "../shared/models/text" },
    models: { type: "string", default: "smollm2-135m,smollm2-135m-gqa" },
    dtypes: { type: "string", default: "fp32,fp16,q8,q4" },
    only: { type: "string", default: "" },
    coefficients: { type: "string" },
  },
});
const models = process.env.PRUNE_MODELS ?? "";
const protocol = GOLDEN["smollm2-135m"] as GoldenModel;
const texts = {
  calibration: readFileSync(join(flags.texts, "wikitext2-valid.txt"), "utf8"),
  evaluation: readFileSync(join(flags.texts, "wikitext2-test.txt"), "utf8"),
};

const UNMEASURED = { passes: 1, perplexity: 0, zeros: 0 };
const crepe = {
  method: "crepe",
  ...(flags.coefficients !== undefined && { coefficients: JSON.parse(flags.coefficients) as Coefficients }),
};
const ROWS: readonly GoldenRow[] = [
  { method: "ria", sparsity: 0.5, ...UNMEASURED },
  { ...crepe, sparsity: 0.5, ...UNMEASURED },
  { method: "ria", pattern: "2:4", ...UNMEASURED },
  { ...crepe, pattern: "2:4", ...UNMEASURED },
];
const FILES = { fp32: "model", fp16: "model_fp16", q8: "model_quantized", q4: "model_q4" } as const;
type Dtype = keyof typeof FILES;

/** What stock transformers.js generates from the pruned model. */
async function generated(model: string, dtype: Dtype, { method, sparsity, pattern }: GoldenRow): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "bench-dtypes-"));
  try {
    const how = pattern === undefined ? { sparsity: sparsity as number } : { pattern };
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

/** The masks of one plan as masks of another file of the same weights, whose storage may be transposed. */
function carried(plan: Plan, masks: Masked["masks"]): Masked["masks"] {
  const byName = new Map([...masks].map(([target, mask]) => [target.name, mask]));
  return new Map(
    plan.targets.map((target) => {
      const mask = byName.get(target.name) as ComputedMask;
      if (mask.order === target.order) return [target, mask];
      const own = { ...emptyMask(target.shape, target.order), retained: mask.retained };
      for (let o = 0; o < target.shape.out; o++)
        for (let i = 0; i < target.shape.in; i++) if (isKept(mask, o, i)) keep(own, o, i);
      return [target, own];
    }),
  );
}

console.log("| file | | perplexity | of dense | against fp32 | fp32 under these masks | stock transformers.js |");
console.log("|---|---|---:|---:|---:|---:|---|");
for (const name of flags.models.split(",")) {
  const folder = join(models, name);
  const library = coefficientLibrary(folder, { local_files_only: true, cache_dir: join(tmpdir(), "none") });
  const open = (dtype: Dtype) => GoldenRun.open(folder, protocol, texts, { file: FILES[dtype], library });
  const float = await open("fp32");
  const floatDense = await float.dense();
  const floatRatio = new Map<GoldenRow, number>();
  for (const dtype of flags.dtypes.split(",") as Dtype[]) {
    const run = dtype === "fp32" ? float : await open(dtype);
    const dense = await run.dense();
    console.log(`| ${name} ${dtype} | dense | ${dense.toFixed(2)} | | | | |`);
    for (const row of ROWS.filter((row) => nameOf(row).includes(flags.only))) {
      let masks: Masked["masks"] = new Map();
      const { perplexity } = await run.measure(row, async (_, masked) => {
        masks = masked.masks;
      });
      const ratio = perplexity / dense;
      if (dtype === "fp32") floatRatio.set(row, ratio);
      const base = floatRatio.get(row) ?? (await float.measure(row)).perplexity / floatDense;
      floatRatio.set(row, base);
      const underMasks = dtype === "fp32" ? perplexity : await float.under(row, (plan) => carried(plan, masks));
      const figures = [perplexity.toFixed(2), ratio.toFixed(3), (ratio / base).toFixed(3), underMasks.toFixed(2)];
      console.log(
        `| ${name} ${dtype} | ${nameOf(row)} | ${figures.join(" | ")} | ${await generated(folder, dtype, row)} |`,
      );
    }
    if (run !== float) await run.close();
  }
  await float.close();
}
