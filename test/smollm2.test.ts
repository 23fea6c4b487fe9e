/**
 * The command line on SmolLM2-135M, against the figures of the independent PyTorch implementation.
 * Needs PRUNE_MODELS (a folder with `smollm2-135m`) and the WikiText-2 texts of the model kit beside
 * this repository or in PRUNE_TEXTS; says so where they are not there. The other rows: bench/golden.ts.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { describeRow, GOLDEN, type GoldenModel } from "./helpers/golden.js";

const model = process.env.PRUNE_MODELS ? join(process.env.PRUNE_MODELS, "smollm2-135m") : null;
const texts = resolve(process.env.PRUNE_TEXTS ?? "../shared/models/text");
const missing =
  model === null
    ? "PRUNE_MODELS is not set"
    : [model, join(texts, "wikitext2-test.txt")].filter((path) => !existsSync(path)).join(" and ");
if (missing !== "") console.warn(`SmolLM2-135M is not tested: ${missing}${model === null ? "" : " not found"}`);

const { rows } = GOLDEN["smollm2-135m"] as GoldenModel;
const chosen = rows.filter(
  ({ method, pattern, coefficients, passes }) =>
    passes === 1 && pattern === "2:4" && (method === "magnitude" || coefficients?.size === 7),
);

describe.skipIf(missing !== "")(`SmolLM2-135M by command line${missing && ` (skipped: ${missing})`}`, () => {
  it.each(chosen)("gives PyTorch's perplexity within 1%: $method $pattern", { timeout: 600_000 }, async (row) => {
    const folder = mkdtempSync(join(tmpdir(), "smollm2-"));
    const out = join(folder, "pruned");
    const run = async (...args: string[]) =>
      JSON.parse(
        (await promisify(execFile)(process.execPath, ["dist/cli.js", ...args, "--json"], { maxBuffer: 1 << 26 }))
          .stdout,
      );
    try {
      const coefficients = row.coefficients ? ["--coefficients", JSON.stringify(row.coefficients)] : [];
      const calibration = ["--calibration", join(texts, "wikitext2-valid.txt"), "--calibration-count", "32"];
      const pattern = ["--method", row.method, "--pattern", row.pattern as string, ...coefficients];
      const report = await run("prune", model as string, ...pattern, ...calibration, "--out", out);
      expect(report.zeros, describeRow(row)).toBe(row.zeros);
      const text = ["--text", join(texts, "wikitext2-test.txt"), "--length", "512", "--windows", "16"];
      const { perplexity, tokens } = await run("eval", out, ...text);
      expect(tokens).toBe(16 * 511);
      expect(Math.abs(perplexity / row.perplexity - 1), `${perplexity} for ${row.perplexity}`).toBeLessThan(0.01);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
