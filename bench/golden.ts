/**
 * Perplexity and zeros of every method, pattern and number of passes that the independent PyTorch
 * implementation gave figures for, on one model, in one table.
 *
 *   node bench/run.mjs golden austen-1.4m
 *   PRUNE_MODELS=… node bench/run.mjs golden smollm2-135m --texts ../shared/models/text
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeRow, GOLDEN, GoldenRun } from "../test/helpers/golden.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { texts: { type: "string", default: "../shared/models/text" }, only: { type: "string", default: "" } },
});
const name = positionals[0] ?? "austen-1.4m";
const golden = GOLDEN[name];
if (golden === undefined) throw new Error(`no figures for ${name}; there are ${Object.keys(GOLDEN).join(", ")}`);
const AUSTEN = { calibration: "models/austen-1.4m/calibration.txt", evaluation: "models/austen-1.4m/persuasion.txt" };
const PLACES: Readonly<Record<string, { folder: string; calibration: string; evaluation: string }>> = {
  "austen-1.4m": { folder: "models/austen-1.4m", ...AUSTEN },
  "austen-gpt2": { folder: "test/fixtures/austen-gpt2", ...AUSTEN },
  "smollm2-135m": {
    folder: join(process.env.PRUNE_MODELS ?? "", "smollm2-135m"),
    calibration: join(values.texts, "wikitext2-valid.txt"),
    evaluation: join(values.texts, "wikitext2-test.txt"),
  },
};
const place = PLACES[name] as (typeof PLACES)[string];
const read = (path: string) => readFileSync(path, "utf8");
const run = await GoldenRun.open(resolve(place.folder), golden, {
  calibration: read(place.calibration),
  evaluation: read(place.evaluation),
});
try {
  const line = (what: string, ours: number, theirs: number, zeros: string) =>
    console.log(
      `| ${what.padEnd(52)} | ${ours.toFixed(3).padStart(9)} | ${theirs.toFixed(3).padStart(9)} | ${(100 * (ours / theirs - 1)).toFixed(2).padStart(6)}% | ${zeros} |`,
    );
  console.log(`| ${"what".padEnd(52)} |      ours |   PyTorch |    diff | zeros |\n|---|---|---|---|---|`);
  line("dense", await run.dense(), golden.dense, "");
  for (const row of golden.rows) {
    if (!describeRow(row).includes(values.only)) continue;
    const measured = await run.measure(row);
    line(
      describeRow(row),
      measured.perplexity,
      row.perplexity,
      measured.zeros === row.zeros ? "exact" : `${measured.zeros} ≠ ${row.zeros}`,
    );
  }
} finally {
  await run.close();
}
