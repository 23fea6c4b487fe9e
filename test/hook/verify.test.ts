import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type PruneOptions, pruneModel } from "../../src/index.js";
import { AUSTEN, openSessions, T5, temporaryFolder } from "./loading.js";

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
    expect(report).toMatchObject({ method: "ria", coefficients: {}, verified: { kept: "ria", tokens: 1020 } });
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

  test("refuses a model that is not calibrated on text", async () => {
    const attempt = pruneModel(T5, {
      prune: { method: "wanda", verify: true },
      out: join(temporaryFolder(), "pruned"),
    });
    await expect(attempt).rejects.toMatchObject({ code: "unsupported", message: expect.stringContaining("verify") });
    expect(openSessions()).toEqual([]);
  });
});
