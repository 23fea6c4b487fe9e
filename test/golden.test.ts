/**
 * Golden figures (protocol P1): zeros exactly, perplexity within 1% of an independent PyTorch
 * implementation, for every row of the two models that are in the repository. Three rows and SparseGPT's updates go all
 * the way through the public names; the others share their calibration.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluateModel, type PruneOptions, pruneModel } from "../src/index.js";
import { describeRow, GOLDEN, type GoldenModel, type GoldenRow, GoldenRun } from "./helpers/golden.js";

const AUSTEN = resolve(import.meta.dirname, "../models/austen-1.4m");
const FOLDERS = { "austen-1.4m": AUSTEN, "austen-gpt2": resolve(import.meta.dirname, "fixtures/austen-gpt2") };
const texts = {
  calibration: readFileSync(join(AUSTEN, "calibration.txt"), "utf8"),
  evaluation: readFileSync(join(AUSTEN, "persuasion.txt"), "utf8"),
};

/** Largest relative difference from the golden perplexity. */
const TOLERANCE = 0.01;

const expectClose = (perplexity: number, golden: number) =>
  expect(Math.abs(perplexity / golden - 1), `${perplexity} instead of ${golden}`).toBeLessThan(TOLERANCE);

describe.each(Object.entries(FOLDERS))("golden figures of %s", (name, folder) => {
  const golden = GOLDEN[name] as GoldenModel;
  let run: GoldenRun;
  beforeAll(async () => {
    run = await GoldenRun.open(folder, golden, texts);
  });
  afterAll(() => run.close());

  test("dense", async () => expectClose(await run.dense(), golden.dense));

  test.each(golden.rows.map((row) => [describeRow(row), row] as const))("%s", async (_, row) => {
    const { perplexity, zeros } = await run.measure(row);
    expect(zeros).toBe(row.zeros);
    expectClose(perplexity, row.perplexity);
  });
});

describe("golden figures by way of pruneModel and evaluateModel", () => {
  const scratch = mkdtempSync(join(tmpdir(), "transformers-prune-"));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const rowLike = (model: GoldenModel, wanted: Partial<GoldenRow>): GoldenRow => {
    const fits = (row: GoldenRow) =>
      Object.entries(wanted).every(([key, value]) => row[key as keyof GoldenRow] === value);
    const row = model.rows.find(fits);
    if (row === undefined) throw new Error(`no row like ${JSON.stringify(wanted)}`);
    return row;
  };

  const wanted = [
    ["austen-1.4m", { method: "crepe", pattern: "2:4", passes: 1 }],
    ["austen-1.4m", { method: "wanda", pattern: "2:4", passes: 2 }],
    ["austen-gpt2", { method: "ria", sparsity: 0.5, scope: "matrix" }],
  ] as const;
  const masked = wanted.map(([name, like]) => [name, rowLike(GOLDEN[name] as GoldenModel, like)] as const);
  const updated = (GOLDEN["austen-1.4m"]?.updates ?? []).map((row) => ["austen-1.4m", row] as const);
  const cases = [...masked, ...updated].map(([name, row]) => [name, describeRow(row), row] as const);

  test.each(cases)("%s: %s", async (name, _, row) => {
    const golden = GOLDEN[name] as GoldenModel;
    const { perplexity: expected, zeros, ...options } = row;
    const { length, calibrationCount: count, windows } = golden;
    const out = join(scratch, `${name}-${describeRow(row).replaceAll(/\W+/g, "-")}`);
    const calibration = { texts: texts.calibration, count, length };
    const prune = { ...options, calibration } as PruneOptions;
    const { reports } = await pruneModel(FOLDERS[name], { prune, out, dtype: "fp32" });
    expect(reports.map((report) => report.zeros)).toEqual([zeros]);

    const evaluation = { text: texts.evaluation, length, windows, dtype: "fp32" };
    const evaluated = await evaluateModel(out, evaluation);
    expect(evaluated).toMatchObject({ tokens: windows * (length - 1), windows, length, dtype: "fp32", model: out });
    expectClose(evaluated.perplexity, expected);
  });
});
