/**
 * What updates of weights bring and what they take, under protocol P1, in one command: SparseGPT's golden figures beside
 * ours; perplexity against seconds of every preset, update and repair; layer errors over all matrices; seconds against
 * the same routine in PyTorch. Exit 1 where a golden figure is more than 2% off, ADMM is not below SparseGPT
 * everywhere, or PyTorch is faster.
 *
 *   PRUNE_MODELS=… PYTHON=python3 npm run bench -- reconstruct [smollm2-135m|austen-1.4m …] --texts DIR
 *     [--parts golden,table,errors,time] [--patterns 2:4,50%,70%] [--only best,balanced,"wanda + obs"] [--repetitions 3]
 */
import { parseArgs } from "node:util";
import { median } from "./figures/median.js";
import { benchModel, MODEL_NAMES } from "./reconstruct/models.js";
import { nameOfRow, PATTERN_NAMES, patternOptions, type RowOptions, rowsOnly } from "./reconstruct/rows.js";
import { againstTorch } from "./reconstruct/torch.js";
import { type LayerErrors, type Measured, UpdateRun } from "./reconstruct/update-run.js";

const { positionals, values: flags } = parseArgs({
  allowPositionals: true,
  options: {
    texts: { type: "string", default: "../shared/models/text" },
    parts: { type: "string", default: "golden,table,errors,time" },
    patterns: { type: "string", default: PATTERN_NAMES.join(",") },
    only: { type: "string", default: "" },
    repetitions: { type: "string", default: "3" },
  },
});
const list = (text: string): string[] => text.split(",").flatMap((one) => one.trim() || []);
const parts = new Set(list(flags.parts));
const patterns = list(flags.patterns);
const failures: string[] = [];

/** Prints a line at once, since a row may take minutes. */
const line = (...cells: readonly (string | number)[]) => console.log(`| ${cells.join(" | ")} |`);
const head = (...cells: readonly string[]) => {
  line(...cells);
  console.log(
    `|---|${cells
      .slice(1)
      .map(() => "---:|")
      .join("")}`,
  );
};

/** Rows that were measured already in this run, as the first part's are in the second. */
class Known {
  private readonly rows = new Map<string, Promise<Measured>>();

  constructor(readonly run: UpdateRun) {}

  measure(row: RowOptions, pattern: string): Promise<Measured> {
    const key = `${nameOfRow(row)} ${pattern}`;
    const known = this.rows.get(key) ?? this.run.measure(row, pattern);
    this.rows.set(key, known);
    return known;
  }
}

async function goldenFigures(known: Known): Promise<void> {
  const { name, golden } = known.run.model;
  console.log(`\n${name}: SparseGPT in one go, against golden figures\n`);
  head("pattern", "PyTorch", "ours", "difference", "zeros");
  for (const row of golden.updates ?? []) {
    const pattern = row.pattern ?? `${100 * (row.sparsity ?? 0)}%`;
    const { perplexity, zeros } = await known.measure({ method: "sparsegpt" }, pattern);
    const off = perplexity / row.perplexity - 1;
    const exact = zeros === row.zeros ? "exact" : `${zeros} instead of ${row.zeros}`;
    line(pattern, row.perplexity.toFixed(2), perplexity.toFixed(2), `${(100 * off).toFixed(2)}%`, exact);
    if (!(Math.abs(off) <= 0.02))
      failures.push(`${name}, ${pattern}: ${(100 * off).toFixed(2)}% off the golden figure`);
  }
}

async function table(known: Known): Promise<void> {
  console.log(`\n${known.run.model.name}: perplexity against seconds\n`);
  head("what", "pattern", "perplexity", "calibrate", "update", "total", "processor");
  for (const row of rowsOnly(list(flags.only)))
    for (const pattern of patterns) {
      const { perplexity, seconds } = await known.measure(row, pattern);
      const spent = (["calibrate", "update", "total", "processor"] as const).map((one) => seconds[one].toFixed(1));
      line(nameOfRow(row), pattern, perplexity.toFixed(2), ...spent);
    }
}

/** Pairs whose layer errors are compared: what should be lower, and than what. */
const COMPARED: readonly (readonly [RowOptions, RowOptions])[] = [
  [{ method: "sparsegpt", reconstruct: "admm" }, { method: "sparsegpt" }],
  [{ method: "wanda", reconstruct: "swaps" }, { method: "wanda" }],
  [
    { method: "wanda", repair: ["least-squares"] },
    { method: "wanda", reconstruct: "obs" },
  ],
  [{ method: "sparsegpt", repair: ["least-squares"] }, { method: "sparsegpt" }],
];

async function layerErrors({ run }: Known): Promise<void> {
  console.log(`\n${run.model.name}: layer error ‖(W − W′)X‖² of all matrices, as a share of another's\n`);
  head("what", "against", "pattern", "matrices", "mean", "least", "largest");
  for (const pattern of patterns) {
    const known = new Map<string, LayerErrors>();
    const errorsOf = async (row: RowOptions) => {
      const errors = known.get(nameOfRow(row)) ?? (await run.errors(row, pattern));
      known.set(nameOfRow(row), errors);
      return errors;
    };
    for (const [row, other] of COMPARED) {
      const [own, others] = [await errorsOf(row), await errorsOf(other)];
      const ratios = [...own].map(([name, error]) => error / (others.get(name) as number));
      const mean = ratios.reduce((sum, one) => sum + one, 0) / ratios.length;
      const figures = [mean, Math.min(...ratios), Math.max(...ratios)].map((one) => one.toFixed(3));
      line(nameOfRow(row), nameOfRow(other), pattern, ratios.length, ...figures);
      const isAdmm = "reconstruct" in row && row.reconstruct === "admm";
      if (isAdmm && !ratios.every((one) => one < 1))
        failures.push(`${run.model.name}, ${pattern}: ADMM is not below SparseGPT on every matrix`);
    }
  }
}

async function time({ run }: Known): Promise<void> {
  const { name } = run.model;
  console.log(`\n${name}: SparseGPT from moments to weights, whole model, against PyTorch on the same cores\n`);
  head("pattern", "ours", "PyTorch", "ours / PyTorch");
  for (const pattern of patterns.filter((one) => one !== "70%")) {
    const pairs = await againstTorch(run, patternOptions(pattern), Number(flags.repetitions));
    const ratio = median(pairs.map(({ ours, torch }) => ours / torch));
    const seconds = (["ours", "torch"] as const).map((one) => `${median(pairs.map((pair) => pair[one])).toFixed(2)} s`);
    line(pattern, ...seconds, ratio.toFixed(2));
    if (!(ratio <= 1)) failures.push(`${name}, ${pattern}: ${ratio.toFixed(2)} of PyTorch's time`);
  }
}

const PARTS = { golden: goldenFigures, table, errors: layerErrors, time } as const;

for (const name of positionals.length > 0 ? positionals : MODEL_NAMES) {
  const run = await UpdateRun.open(benchModel(name, flags.texts));
  try {
    const known = new Known(run);
    for (const [part, measure] of Object.entries(PARTS)) if (parts.has(part)) await measure(known);
  } finally {
    await run.close();
  }
}
for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;
