/**
 * What the built-in calibration text costs against calibrating on the domain of the evaluation, and
 * what fewer samples cost: perplexity of SmolLM2-135M on WikiText-2 under protocol P1.
 *
 *   PRUNE_MODELS=… node bench/run.mjs calibration --texts ../shared/models/text
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SAMPLE_TEXT } from "../src/calibrate/sample-text.js";
import { DEFAULTS } from "../src/options/index.js";
import { describeRow, GOLDEN, type GoldenModel, type GoldenRow, GoldenRun } from "../test/helpers/golden.js";

const { values } = parseArgs({ options: { texts: { type: "string", default: "../shared/models/text" } } });
const folder = resolve(process.env.PRUNE_MODELS ?? "", "smollm2-135m");
const read = (name: string) => readFileSync(join(values.texts, name), "utf8");
const golden = GOLDEN["smollm2-135m"] as GoldenModel;

const row = (method: string, pattern: Partial<GoldenRow>): GoldenRow => ({
  method,
  ...pattern,
  passes: 1,
  perplexity: 0,
  zeros: 0,
});
const coefficients = { row: 0, column: 0.54, window: 0.46, size: 31, power: 0.8 };
const rows = ["wanda", "ria", "crepe"].flatMap((method) => {
  const given = method === "crepe" ? { coefficients } : {};
  return [row(method, { sparsity: 0.5, scope: "row", ...given }), row(method, { pattern: "2:4", ...given })];
});
const sources: readonly (readonly [name: string, text: string, count: number])[] = [
  ["WikiText-2, 32 samples", read("wikitext2-valid.txt"), 32],
  ["WikiText-2, 8 samples", read("wikitext2-valid.txt"), 8],
  [`built-in, ${DEFAULTS.count} samples`, SAMPLE_TEXT, DEFAULTS.count],
  ["built-in, 8 samples", SAMPLE_TEXT, 8],
];

const table = new Map<string, number[]>();
for (const [name, calibration, calibrationCount] of sources) {
  const run = await GoldenRun.open(
    folder,
    { ...golden, calibrationCount },
    { calibration, evaluation: read("wikitext2-test.txt") },
  );
  try {
    for (const one of rows) {
      const { perplexity } = await run.measure(one);
      table.set(name, [...(table.get(name) ?? []), perplexity]);
      console.error(`${name}: ${describeRow(one)} ${perplexity.toFixed(2)}`);
    }
  } finally {
    await run.close();
  }
}
const [first] = table.values();
console.log(`| calibrated on | ${rows.map(describeRow).join(" | ")} |\n|---|${rows.map(() => "---:|").join("")}`);
for (const [name, perplexities] of table) {
  const cells = perplexities.map((p, i) => `${p.toFixed(1)} (${(100 * (p / (first?.[i] ?? p) - 1)).toFixed(1)}%)`);
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}
