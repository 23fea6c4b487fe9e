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
import type { Target } from "../src/graph/index.js";
import { readTensor } from "../src/onnx/index.js";
import { isKept, type Mask } from "../src/pattern/index.js";
import type { Masked, Plan } from "../src/prune/index.js";
import { type ChannelStatistics, channelFactor, coefficientsOf, methodOf } from "../src/score/index.js";
import { storageIndex } from "../src/tensor/matrix.js";
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

/** Share of a weight's scores that stay; null where scores look at a window, which this plain loop does not know. */
async function retainedShare(plan: Plan, target: Target, mask: Mask, statistics: ChannelStatistics | undefined) {
  const { shape, order } = target;
  const coefficients = coefficientsOf(plan.coefficients, { kind: target.kind, depth: null });
  const terms = methodOf(plan.options.method).terms(coefficients, shape);
  if (terms.window !== 0 || !(target.coding.kind === "float" && target.coding.dtype === "float32")) return null;
  const bytes = await readTensor(target.tensor);
  const stored = new Float32Array(bytes.buffer, bytes.byteOffset, shape.out * shape.in);
  const sizeAt = (o: number, i: number) => Math.abs(stored[storageIndex(shape, order, o, i)] as number);
  const rows = new Float64Array(shape.out);
  const columns = new Float64Array(shape.in);
  for (let o = 0; o < shape.out; o++)
    for (let i = 0; i < shape.in; i++) {
      rows[o] = (rows[o] as number) + sizeAt(o, i) / shape.in;
      columns[i] = (columns[i] as number) + sizeAt(o, i) / shape.out;
    }
  const factor = channelFactor(terms, shape.in, statistics, target.name);
  let [all, kept] = [0, 0];
  for (let o = 0; o < shape.out; o++)
    for (let i = 0; i < shape.in; i++) {
      const relative = terms.row / (rows[o] as number) + terms.column / (columns[i] as number) + terms.one;
      const score = sizeAt(o, i) * relative * (factor[i] as number);
      all += score;
      if (isKept(mask, o, i)) kept += score;
    }
  return kept / all;
}

/** The same, its mean over all weights. */
async function meanRetained(plan: Plan, { masks, statistics }: Masked): Promise<number | null> {
  const shares: number[] = [];
  for (const [target, mask] of masks) {
    const share = await retainedShare(plan, target, mask, statistics?.get(target));
    if (share === null) return null;
    shares.push(share);
  }
  return shares.reduce((a, b) => a + b, 0) / shares.length;
}

const read = (path: string) => readFileSync(path, "utf8");
const run = await GoldenRun.open(resolve(subject.folder), GOLDEN[subject.name] as GoldenModel, {
  calibration: read(subject.calibration),
  evaluation: read(subject.evaluation),
});
const percent = (value: number | null) => (value === null ? "" : `${(100 * value).toFixed(2)}%`);
try {
  console.log(`${subject.name}, dense ${(await run.dense()).toFixed(2)}\n`);
  console.log("| | groups | scores that stay | perplexity | masks |\n|---|---|---:|---:|---:|");
  for (const pattern of flags.patterns.split(","))
    for (const method of flags.methods.split(",")) {
      for (const permute of [false, true]) {
        const row: GoldenRow = { method, pattern, permute, passes: 1, perplexity: 0, zeros: 0 };
        let seconds = 0;
        let retained: number | null = null;
        const { perplexity } = await run.measure(row, async (plan, masked) => {
          seconds = masked.seconds.mask;
          retained = await meanRetained(plan, masked);
        });
        const groups = permute ? "permuted" : "consecutive";
        const cells = [percent(retained), perplexity.toFixed(2), `${seconds.toFixed(2)} s`];
        console.log(`| \`${method}\`, ${pattern} | ${groups} | ${cells.join(" | ")} |`);
      }
    }
} finally {
  await run.close();
}
