/**
 * `coefficients: "auto"` where models are loaded: what one process has tuned another uses, by every way
 * of loading; and the registry as its users see it.
 */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as host from "@huggingface/transformers";
import { describe, expect, test } from "vitest";
import { buildModel, findTargets } from "../../src/graph/index.js";
import {
  exportCoefficients,
  importCoefficients,
  listCoefficients,
  METHODS,
  type PruneOptions,
  type PruneReport,
  pipeline,
  prune,
  pruneModel,
  withPrune,
} from "../../src/index.js";
import { openModel } from "../../src/onnx/index.js";
import { type CoefficientRecord, fingerprintOf, plainRecord, registryText } from "../../src/registry/index.js";
import { addRecord } from "../../src/registry/local.js";
import { bundleScript, bundleWorker, ended, startScript } from "../helpers/child.js";
import { recordOf } from "../registry/arbitrary-record.js";
import { BERT, SHORT, T5, temporaryFolder } from "./loading.js";

const ROOT = resolve(import.meta.dirname, "../..");
const TUNED = { row: 0.25, column: 0.25, window: 0.5, size: 5, power: 0.75, shape: 0.5 };
const UNTUNED = METHODS.crepe.untuned;

/** A record of tuning of a session file. */
async function recordFor(file: string, changes: Partial<CoefficientRecord> = {}): Promise<CoefficientRecord> {
  const onnx = await openModel(file);
  const fingerprint = await fingerprintOf(findTargets(buildModel(onnx)).targets);
  await onnx.close();
  const model = { name: "someone/tiny-bert", fingerprint, dtype: "fp32" };
  return recordOf({ coefficients: { all: TUNED }, passes: 2, family: "bert/64", model, ...changes });
}
const SESSION = join(BERT, "onnx", "model.onnx");

/** Where a cache folder has its registry. */
const registryOf = (cache: string) => join(cache, "transformers-prune", "coefficients.json");

describe("what one process has tuned", () => {
  test("another uses at once, and says so", async () => {
    const [folder, cache] = [temporaryFolder(), temporaryFolder()];
    // A bundle finds packages and the worker beside itself.
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    await bundleWorker(folder);
    const script = await bundleScript(
      `import { readFileSync, writeFileSync } from "node:fs";
       import { pruneModel } from "./src/hook/index.js";
       import { addRecord } from "./src/registry/local.js";
       const [what, input, cache, out] = process.argv.slice(2);
       if (what === "add") await addRecord(cache + "/transformers-prune/coefficients.json", JSON.parse(readFileSync(input, "utf8")));
       else {
         const prune = { method: "crepe", pattern: "2:4", calibration: ${JSON.stringify(SHORT)} };
         const { reports } = await pruneModel(input, { prune, out, cache_dir: cache });
         writeFileSync(out + ".json", JSON.stringify(reports[0]));
       }`,
      folder,
    );
    const pruned = async (out: string): Promise<PruneReport> => {
      expect(await ended(startScript(script, "prune", BERT, cache, out))).toBe(0);
      return JSON.parse(readFileSync(`${out}.json`, "utf8"));
    };
    expect(await pruned(join(folder, "before"))).toMatchObject({
      coefficients: UNTUNED,
      coefficientsFrom: "untuned: nothing known of family bert/64 at 2:4; run transformers-prune tune",
      passes: 1,
    });
    const record = join(folder, "record.json");
    writeFileSync(record, JSON.stringify(await recordFor(SESSION)));
    expect(await ended(startScript(script, "add", record, cache))).toBe(0);
    expect(await pruned(join(folder, "after"))).toMatchObject({
      coefficients: TUNED,
      coefficientsFrom: "tuned on this model (drift, 2026-01-31)",
      passes: 2,
    });
  });

  test("is found by every way of loading", async () => {
    const cache_dir = temporaryFolder();
    await addRecord(registryOf(cache_dir), await recordFor(SESSION));
    const from: string[] = [];
    const onReport = ({ coefficientsFrom }: PruneReport) => from.push(coefficientsFrom);
    const options: PruneOptions = { method: "crepe", pattern: "2:4", calibration: SHORT, cache: false, onReport };
    const load = { cache_dir, dtype: "fp32" } as const;
    await pipeline("feature-extraction", BERT, { ...load, prune: options });
    await withPrune(host.AutoModel).from_pretrained(BERT, { ...load, prune: options });
    await host.AutoModel.from_pretrained(BERT, { ...load, session_options: prune(options, { cache_dir }) });
    await pruneModel(BERT, { ...load, prune: options, out: join(temporaryFolder(), "pruned") });
    await pipeline("feature-extraction", BERT, {
      ...load,
      prune: { ...options, calibration: { run: async (embed: (text: string) => unknown) => embed("A fine morning.") } },
    });
    expect(from).toEqual(new Array(5).fill("tuned on this model (drift, 2026-01-31)"));
  });

  test("is not taken from the cache for what was pruned before", async () => {
    const cache_dir = temporaryFolder();
    const reports: PruneReport[] = [];
    const load = (coefficients: "auto" | "default") =>
      pipeline("feature-extraction", BERT, {
        cache_dir,
        prune: { pattern: "2:4", coefficients, calibration: SHORT, onReport: (report) => reports.push(report) },
      });
    await load("default");
    await load("auto");
    await addRecord(registryOf(cache_dir), await recordFor(SESSION));
    await load("auto");
    await load("auto");
    expect(reports.map(({ fromCache, coefficientsFrom }) => [fromCache, coefficientsFrom])).toEqual([
      [false, "default"],
      [true, "untuned: nothing known of family bert/64 at 2:4; run transformers-prune tune"],
      [false, "tuned on this model (drift, 2026-01-31)"],
      [true, "tuned on this model (drift, 2026-01-31)"],
    ]);
  });

  test("serves both sessions of a model that shares the family", async () => {
    const cache_dir = temporaryFolder();
    const coefficients = { all: TUNED, byKind: { q: { ...TUNED, power: 0.5 } } };
    await addRecord(registryOf(cache_dir), await recordFor(SESSION, { family: "t5/64", coefficients, passes: 1 }));
    const { reports } = await pruneModel(T5, {
      cache_dir,
      prune: { preset: "fast", pattern: "2:4", calibration: SHORT },
      out: join(temporaryFolder(), "pruned"),
    });
    const expected = { coefficients: TUNED, byKind: coefficients.byKind };
    expect(reports).toMatchObject([expected, expected]);
    expect(reports.map((report) => report.coefficientsFrom)).toEqual(
      new Array(2).fill("tuned on family t5/64 (someone/tiny-bert, fp32)"),
    );
  });

  test("is not looked for where no config tells the family", async () => {
    const [cache_dir, folder] = [temporaryFolder(), temporaryFolder()];
    cpSync(BERT, folder, { recursive: true });
    const { model_type: _, ...config } = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    const { reports } = await pruneModel(folder, {
      cache_dir,
      prune: { method: "crepe", sparsity: 0.5, calibration: SHORT },
      out: join(temporaryFolder(), "pruned"),
    });
    expect(reports).toMatchObject([
      {
        pattern: "50% by matrix",
        coefficientsFrom:
          "untuned: nothing known of the model, whose family is unknown, at 50% by row or 50% by matrix; run transformers-prune tune",
      },
    ]);
  });
});

describe("the registry", () => {
  test("is listed, exported, and imported elsewhere", async () => {
    const [here, there] = [temporaryFolder(), temporaryFolder()];
    expect((await listCoefficients({ cache_dir: here })).filter(({ from }) => from === "tuned")).toEqual([]);
    const record = await recordFor(SESSION);
    await addRecord(registryOf(here), record);
    expect((await listCoefficients({ cache_dir: here }))[0]).toEqual({ from: "tuned", record });
    const file = join(temporaryFolder(), "shared.json");
    expect(await exportCoefficients(file, { cache_dir: here })).toEqual([record]);
    expect(readFileSync(file, "utf8")).toBe(registryText([record]));
    expect(await importCoefficients(file, { cache_dir: there })).toEqual([record]);
    expect(await importCoefficients(file, { cache_dir: there })).toEqual([]);
    expect((await listCoefficients({ cache_dir: there }))[0]).toEqual({ from: "tuned", record });
    // A registry may be replaced.
    expect(await exportCoefficients(file, { cache_dir: there })).toEqual([record]);
  });

  test("takes in the one record that a tuning wrote", async () => {
    const cache_dir = temporaryFolder();
    const [record, file] = [recordOf(), join(temporaryFolder(), "tuned.json")];
    writeFileSync(file, JSON.stringify(plainRecord(record)));
    expect(await importCoefficients(file, { cache_dir })).toEqual([record]);
    writeFileSync(file, '{"row":0.3}');
    await expect(importCoefficients(file, { cache_dir })).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringContaining("expected a registry of coefficients, or one record as tune writes it"),
    });
  });

  test("is not exported empty, nor over anything but a registry", async () => {
    const cache_dir = temporaryFolder();
    const file = join(temporaryFolder(), "notes.json");
    await expect(exportCoefficients(file, { cache_dir })).rejects.toMatchObject({ code: "not-found" });
    await addRecord(registryOf(cache_dir), recordOf());
    writeFileSync(file, '{"mine":1}');
    await expect(exportCoefficients(file, { cache_dir })).rejects.toMatchObject({
      code: "storage",
      message: expect.stringContaining("notes.json exists and is no registry of coefficients"),
    });
    expect(readFileSync(file, "utf8")).toBe('{"mine":1}');
  });

  test("that is damaged stops a prune that would ask it, and only that", async () => {
    const cache_dir = temporaryFolder();
    await addRecord(registryOf(cache_dir), recordOf());
    writeFileSync(registryOf(cache_dir), "{");
    const load = (options: PruneOptions) =>
      pipeline("feature-extraction", BERT, { cache_dir, prune: { ...options, calibration: SHORT, cache: false } });
    await expect(load({ preset: "fast", pattern: "2:4" })).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringContaining("coefficients.json"),
    });
    await load({ pattern: "2:4" });
    await load({ pattern: "2:4", coefficients: "default" });
    await load({ pattern: "2:4", method: "ria" });
  });

  test("refuses options and files that it does not know", async () => {
    await expect(listCoefficients({ cacheDir: "x" } as never)).rejects.toMatchObject({ code: "unknown-option" });
    await expect(importCoefficients(join(temporaryFolder(), "none.json"))).rejects.toMatchObject({ code: "not-found" });
    await expect(importCoefficients("")).rejects.toMatchObject({ code: "bad-option" });
  });
});
