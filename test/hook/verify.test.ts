import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type PruneOptions, type PruneReport, pipeline, pruneModel } from "../../src/index.js";
import { METHODS } from "../../src/score/index.js";
import { austenTokenizer } from "../helpers/tokenizer.js";
import { AUSTEN, openSessions, SHORT, sessions, T5, temporaryFolder } from "./loading.js";

const CALIBRATION = { count: 4, length: 128, texts: readFileSync(join(AUSTEN, "calibration.txt"), "utf8") };
/** Nearly every weight is about its neighbourhood's mean, so this looks at next to nothing. */
const BAD = { row: 0, column: 0, window: 1, size: 3, power: 0, shape: 0 };
const GOOD = { row: 0.35, column: 0.35, window: 0.3, size: 7, power: 0.5, shape: 0 };

const prune = async (options: PruneOptions) => {
  const out = join(temporaryFolder(), "pruned");
  const { reports } = await pruneModel(AUSTEN, {
    prune: { calibration: CALIBRATION, ...options } as PruneOptions,
    out,
    dtype: "fp32",
  });
  return { report: reports[0] as NonNullable<(typeof reports)[0]>, bytes: readFileSync(join(out, "onnx/model.onnx")) };
};

describe("verify", () => {
  test("takes RIA's masks where the method's are worse, and says so", async () => {
    const { report, bytes } = await prune({ coefficients: BAD, pattern: "2:4", verify: true });
    expect(report).toMatchObject({
      method: "ria",
      coefficients: {},
      verified: { kept: "ria", tokens: 1020, unseen: true },
    });
    expect(report.verified?.own).toBeGreaterThan(report.verified?.ria ?? Number.POSITIVE_INFINITY);
    expect(report.notes).toEqual([
      expect.stringMatching(/^ria instead of crepe, which verify found worse: perplexity /),
    ]);
    expect(report.coefficientsFrom).toBe(report.notes[0]);
    expect(bytes.equals((await prune({ method: "ria", pattern: "2:4" })).bytes)).toBe(true);
    expect(openSessions()).toEqual([]);
  });

  test("keeps the method's masks where they are better, after any number of passes", async () => {
    const { report, bytes } = await prune({ coefficients: GOOD, pattern: "2:4", verify: true, passes: 2 });
    const { own = 0, ria = 0, kept } = report.verified ?? {};
    expect(kept).toBe(own <= ria ? "own" : "ria");
    const alike = kept === "own" ? { coefficients: GOOD, passes: 2 } : { method: "ria" as const };
    expect(bytes.equals((await prune({ pattern: "2:4", ...alike })).bytes)).toBe(true);
  });

  test("compares what the default makes of the weights with masks alone, and says what computed which", async () => {
    const own = await prune({ pattern: "2:4", verify: true });
    expect(own.report).toMatchObject({ method: "sparsegpt", device: "runtime", verified: { kept: "own" } });
    expect(own.bytes.equals((await prune({ pattern: "2:4" })).bytes)).toBe(true);
    // Of a text that the model was never trained for, updates learn what holds for no other.
    const few = { count: 4, length: 128 };
    const ria = await prune({ pattern: "2:4", verify: true, calibration: few });
    expect(ria.report).toMatchObject({ method: "ria", reconstruct: null, repair: [], verified: { kept: "ria" } });
    expect(ria.report.device).not.toBe("runtime");
    expect(ria.bytes.equals((await prune({ method: "ria", pattern: "2:4", calibration: few })).bytes)).toBe(true);
  });

  test("compares with RIA at RIA's own scope, unless the user named one", async () => {
    const open = await prune({ coefficients: BAD, sparsity: 0.5, verify: true });
    expect(open.report.pattern).toBe("50% by matrix");
    const named = await prune({ coefficients: BAD, sparsity: 0.5, scope: "row", verify: true });
    expect(named.report.pattern).toBe("50% by row");
  });

  test("compares nothing where the masks are RIA's anyway", async () => {
    for (const options of [{ coefficients: "default" }, { method: "ria" }] as const)
      expect((await prune({ ...options, verify: true })).report.verified).toBeUndefined();
  });

  test("compares where coefficients are RIA's, but the scope or the passes are not", async () => {
    const { untuned: coefficients } = METHODS.crepe;
    for (const options of [{ coefficients }, { coefficients, pattern: "2:4", passes: 2 }] as const)
      expect((await prune({ ...options, verify: true, calibration: SHORT })).report.verified).toBeDefined();
    expect(
      (await prune({ coefficients, pattern: "2:4", verify: true, calibration: SHORT })).report.verified,
    ).toBeUndefined();
  });

  test("says where calibration has seen the tokens that it judges on", async () => {
    const tokens = [(await austenTokenizer()).encode(CALIBRATION.texts.slice(0, 4000)).slice(0, 600)];
    const { report } = await prune({ coefficients: BAD, pattern: "2:4", verify: true, calibration: { tokens } });
    expect(report.verified).toMatchObject({ kept: "ria", unseen: false, tokens: 510 });
    expect(report.notes).toEqual([expect.stringMatching(/on 510 tokens that calibration has seen, at least in part$/)]);
  });

  test("says in the cache, too, why the masks are RIA's", async () => {
    const [cache, out] = [temporaryFolder(), join(temporaryFolder(), "pruned")];
    const options: PruneOptions = { coefficients: BAD, pattern: "2:4", verify: true, calibration: CALIBRATION };
    const loaded: PruneReport[] = [];
    for (const _ of [1, 2])
      await pipeline("text-generation", AUSTEN, {
        dtype: "fp32",
        prune: { ...options, cache, onReport: (report) => loaded.push(report) },
      });
    const written: PruneReport[] = [];
    for (const _ of [1, 2]) written.push(...(await pruneModel(AUSTEN, { prune: options, out, dtype: "fp32" })).reports);
    for (const [first, second] of [loaded, written]) {
      expect(second?.coefficientsFrom).toMatch(/^ria instead of crepe/);
      expect(second).toEqual({ ...first, fromCache: true });
    }
  });

  test("is done anew where the tokenizer of the text changed, whatever the method", async () => {
    const [cache, model] = [temporaryFolder(), join(temporaryFolder(), "austen")];
    cpSync(AUSTEN, model, { recursive: true });
    const reports: PruneReport[] = [];
    const onReport = (report: PruneReport) => reports.push(report);
    const prune: PruneOptions = { method: "magnitude", verify: true, calibration: SHORT, cache, onReport };
    await pipeline("text-generation", model, { dtype: "fp32", prune });
    await pipeline("text-generation", model, { dtype: "fp32", prune });
    writeFileSync(join(model, "tokenizer.json"), `${readFileSync(join(model, "tokenizer.json"), "utf8")}\n`);
    await pipeline("text-generation", model, { dtype: "fp32", prune });
    expect(reports.map(({ fromCache }) => fromCache)).toEqual([false, true, false]);
  });

  test("is refused before anything is opened where calibration is a function of the user's", async () => {
    const calibration = { run: () => 0 };
    const attempt = pipeline("text-generation", AUSTEN, { dtype: "fp32", prune: { verify: true, calibration } });
    await expect(attempt).rejects.toMatchObject({ code: "bad-option", message: expect.stringContaining("verify") });
    expect(sessions).toEqual([]);
  });

  test("is refused for files that run within their whole model, and only for those", async () => {
    const load = (encoder: object, decoder: object) =>
      pipeline("text2text-generation", T5, {
        prune: {
          encoder_model: { calibration: SHORT, cache: false, ...encoder },
          decoder_model_merged: { pattern: "2:4", calibration: SHORT, cache: false, ...decoder },
        },
      });
    await expect(load({}, { verify: true })).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/^decoder_model_merged: verify compares perplexities/),
    });
    expect(openSessions()).toEqual([]);
    await load({ method: "ria", verify: true }, {});
    expect(openSessions()).toHaveLength(2);
  });

  test("refuses a model that is not calibrated on text", async () => {
    const attempt = pruneModel(T5, {
      prune: { method: "wanda", verify: true },
      out: join(temporaryFolder(), "pruned"),
    });
    await expect(attempt).rejects.toMatchObject({ code: "unsupported", message: expect.stringContaining("verify") });
    expect(openSessions()).toEqual([]);
  });
});
