import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "@huggingface/transformers";
import { describe, expect, test } from "vitest";
import { estimatePrune, type PruneEstimate, type PruneReport, pipeline, pruneModel } from "../../src/index.js";
import { AUSTEN, openSessions, SHORT, sessions, T5, temporaryFolder, VIT } from "./loading.js";

const CALIBRATED = { method: "ria", pattern: "2:4", calibration: SHORT } as const;
const MAGNITUDE = { method: "magnitude", pattern: "2:4" } as const;
/** What a report says that is known before. */
const SAME = [
  ...(["file", "method", "pattern", "coefficients", "coefficientsFrom", "passes"] as const),
  ...(["zeros", "prunable", "parameters", "skipped"] as const),
];
const fresh = () => join(temporaryFolder(), "pruned");
const only = ({ files: [file] }: PruneEstimate) => file as PruneEstimate["files"][number];

describe("a dry run", () => {
  test.each([
    ["masks", CALIBRATED],
    ["the default", { pattern: "2:4", calibration: SHORT }],
    ["every layer behind pruned ones", { sparsity: 0.5, preset: "best", calibration: SHORT }],
  ] as const)("of %s says what pruneModel then does, writes nothing and runs no model", async (_, prune) => {
    const out = fresh();
    const estimate = await estimatePrune(AUSTEN, { prune, out });
    expect(existsSync(out)).toBe(false);
    // Only the small graphs that are timed.
    expect(sessions.map(({ session }) => session.inputNames)).toEqual([["value0"], ["value0"]]);
    expect(openSessions()).toEqual([]);
    const { reports } = await pruneModel(AUSTEN, { prune, out });
    const [report] = reports as [PruneReport];
    const file = only(estimate);
    for (const field of SAME) expect(file[field], field).toEqual(report[field]);
    // In how many parts the model is run shows when it is.
    expect(file.calibration).toBe(report.calibration.replace(/, run in \d+ parts .*/, ""));
    expect(file.bytes.source).toBe(report.bytes.source);
    expect(file.weights).toEqual(
      report.weights.map(({ sparsity: _, tokens: __, retained: ___, error: ____, ...weight }) => weight),
    );
    expect(estimate).toMatchObject({ model: AUSTEN, out: { path: out, holds: "nothing" }, dense: [], notes: [] });
  });

  test("knows a folder that holds the result, or something else", async () => {
    const out = fresh();
    await pruneModel(AUSTEN, { prune: MAGNITUDE, out });
    const holds = async (prune: object) => (await estimatePrune(AUSTEN, { prune, out })).out?.holds;
    expect(await holds(MAGNITUDE)).toBe("this result");
    expect(await holds({ ...MAGNITUDE, exclude: "layers.0" })).toBe("something else");
    const other = fresh();
    mkdirSync(other);
    writeFileSync(join(other, "notes.txt"), "");
    expect((await estimatePrune(AUSTEN, { prune: MAGNITUDE, out: other })).out?.holds).toBe("something else");
  });

  test("without a folder, is about loading: whether the cache holds it", async () => {
    const cached = async () => only(await estimatePrune(AUSTEN, { prune: MAGNITUDE })).cached;
    expect(await cached()).toBe(false);
    await (await pipeline("text-generation", AUSTEN, { dtype: "fp32", prune: MAGNITUDE })).dispose();
    expect(await cached()).toBe(true);
  });

  test("estimates more memory and time where there is more to do", async () => {
    const of = async (prune: object) => estimatePrune(AUSTEN, { prune, out: fresh() });
    const [plain, calibrated, twice] = [
      await of(MAGNITUDE),
      await of(CALIBRATED),
      await of({ ...CALIBRATED, passes: 2 }),
    ];
    expect(only(plain).memory.calibrate).toBe(0);
    expect(only(plain).seconds.calibrate).toBe(0);
    expect(calibrated.memory).toBeGreaterThan(plain.memory);
    expect(only(twice).memory.calibrate).toBeGreaterThan(only(calibrated).memory.calibrate);
    for (const { memory, seconds } of [plain, calibrated, twice]) {
      expect(memory).toBeGreaterThan(1e8);
      expect(memory).toBeLessThan(1e9);
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThan(Number.POSITIVE_INFINITY);
    }
  });

  test("does not guess how long a model runs that is run as a whole", async () => {
    const map = { decoder_model_merged: { method: "ria", pattern: "2:4" } } as const;
    const estimate = await estimatePrune(T5, { prune: map, out: fresh() });
    expect(estimate).toMatchObject({ seconds: null, dense: ["encoder_model"] });
    expect(only(estimate)).toMatchObject({ calibration: "runs of the whole model", seconds: { calibrate: null } });
    expect(estimate.notes).toEqual([
      "how long decoder_model_merged is calibrated is not known: the whole model is run for it",
      "of several session files each is estimated alone; files that stay dense are copied besides",
    ]);
    const feeds = await estimatePrune(VIT, {
      prune: { method: "wanda", calibration: { feeds: [{}] } },
      out: fresh(),
    });
    expect(feeds.notes).toEqual(["how long model is calibrated is not known: nobody says how many feeds there are"]);
  });

  test("leaves nothing in the cache for a fresh folder", async () => {
    const cache_dir = temporaryFolder();
    await estimatePrune(AUSTEN, { prune: MAGNITUDE, out: fresh(), cache_dir });
    expect(readdirSync(cache_dir)).toEqual([]);
    expect(env.cacheDir).not.toBe(cache_dir);
  });

  test.each([
    ["an option that does not exist", AUSTEN, { prune: MAGNITUDE, outt: "x" }, "unknown-option"],
    ["a pattern that does not fit", AUSTEN, { prune: "3:7" }, "bad-pattern"],
    ["to verify what is run as a whole", T5, { prune: { method: "ria", verify: true } }, "unsupported"],
    ["a folder in the source", AUSTEN, { prune: MAGNITUDE, out: join(AUSTEN, "pruned") }, "storage"],
  ] as const)("refuses %s as pruneModel does", async (_, model, options, code) => {
    await expect(estimatePrune(model, options)).rejects.toMatchObject({ code });
  });
});
