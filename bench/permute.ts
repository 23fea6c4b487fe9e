/**
 * What channel permutation gains for N:M and what it costs: share of the scores that stay, perplexity
 * and seconds for all masks, with consecutive and with permuted groups, under protocol P1.
 *
 *   node bench/run.mjs permute [--methods wanda,ria,crepe] [--patterns 2:4,4:8]
 *   PRUNE_MODELS=… node bench/run.mjs permute --texts ../shared/models/text
 *
 * Without PRUNE_MODELS it takes models/austen-1.4m.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Masked } from "../src/prune/index.js";
import { GOLDEN, type GoldenModel, type GoldenRow, GoldenRun } from "../test/helpers/golden.js";

const { values: flags } = parseArgs({
  options: {
    methods: { type: "string", default: "wanda,ria,crepe" },
    patterns: { type: "string", default: "2:4" },
    texts: { type: "string", default: "../shared/models/text" },
  },
});
const models = process.env.PRUNE_MODELS;
const AUSTEN = "models/austen-1.4m";
const subject =
  models === undefined
    ? {
        name: "austen-1.4m",
        folder: AUSTEN,
        calibration: join(AUSTEN, "calibration.txt"),
        evaluation: join(AUSTEN, "persuasion.txt"),
      }
    : {
        name: "smollm2-135m",
        folder: join(models, "smollm2-135m"),
        calibration: join(flags.texts, "wikitext2-valid.txt"),
        evaluation: join(flags.texts, "wikitext2-test.txt"),
      };

/** Share of a weight's scores that stay, its mean over all weights. */
function meanRetained({ masks }: Masked): number {
  const shares = [...masks.values()].map(({ retained }) => retained);
  return shares.reduce((a, b) => a + b, 0) / shares.length;
}

const read = (path: string) => readFileSync(path, "utf8");
const run = await GoldenRun.open(resolve(subject.folder), GOLDEN[subject.name] as GoldenModel, {
  calibration: read(subject.calibration),
  evaluation: read(subject.evaluation),
});
const percent = (value: number) => `${(100 * value).toFixed(2)}%`;
try {
  console.log(`${subject.name}, dense ${(await run.dense()).toFixed(2)}\n`);
  console.log("| | groups | scores that stay | perplexity | masks |\n|---|---|---:|---:|---:|");
  for (const pattern of flags.patterns.split(","))
    for (const method of flags.methods.split(",")) {
      for (const permute of [false, true]) {
        const row: GoldenRow = { method, pattern, permute, passes: 1, perplexity: 0, zeros: 0 };
        let seconds = 0;
        let retained = 0;
        const { perplexity } = await run.measure(row, async (_, masked) => {
          seconds = masked.seconds.mask;
          retained = meanRetained(masked);
        });
        const groups = permute ? "permuted" : "consecutive";
        const cells = [percent(retained), perplexity.toFixed(2), `${seconds.toFixed(2)} s`];
        console.log(`| \`${method}\`, ${pattern} | ${groups} | ${cells.join(" | ")} |`);
      }
    }
} finally {
  await run.close();
}
