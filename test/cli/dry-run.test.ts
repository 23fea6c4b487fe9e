import { describe, expect, it } from "vitest";
import type { PruneEstimate } from "../../src/hook/index.js";
import { ESTIMATE, run } from "./harness.js";

const DRY = ["prune", "smol", "--dry-run"];
const commandsFor = (estimate: Partial<PruneEstimate>) => ({
  commands: { estimatePrune: async (model: string) => ({ ...ESTIMATE, model, ...estimate }) },
});

describe("a dry run", () => {
  it("asks for an estimate and for nothing else, with or without a folder", async () => {
    const { code, calls } = await run([...DRY, "--pattern", "2:4", "--dtype", "q4", "--threads", "3"]);
    expect(code).toBe(0);
    const options = { prune: { pattern: "2:4" }, dtype: "q4", threads: 3, signal: expect.any(AbortSignal) };
    expect(calls).toEqual([["estimatePrune", "smol", options]]);
    const { calls: withFolder } = await run([...DRY, "--out", "pruned", "--force"]);
    expect(withFolder[0]?.[2]).toMatchObject({ prune: {}, out: "pruned", force: true });
  });

  it("prints what would be pruned, what stays dense, and what it would take", async () => {
    expect((await run([...DRY, "--out", "pruned"])).stdout).toMatchInlineSnapshot(`
      "smol → /models/pruned
      a dry run: nothing was written

      crepe, 2:4
      coefficients: row 0, column 0.54, window 0.46, size 31, power 0.8, shape 0
        tuned on this model (drift, 2026-01-31)
      calibration: 32 samples of 512 tokens of the built-in text

        weights  kind    out×in  dtype
              2  q      576×576  float32
              2  down  576×1536  float32

      set to zero: 53,084,160 of 106,168,320 prunable weights (50.0%)
      the file: 134,515,008 parameters, 539.3 MB, to be written dense

      left dense
        lm_head             shares its weight with the embedding
        a, b, c and 1 more  not included

      estimated
        read       1.0 s  280.0 MB
        calibrate   42 s   1.21 GB
        mask       2.5 s  300.0 MB
        write      2.0 s  620.0 MB
      from what this machine does in a second: 810.0 MB hashed, 60 M weights masked, 130 M zeroed, 150,000 M multiplications and additions, 3,000 M values gone through

      peak memory: about 1.21 GB
      time: about 48 s
      the folder is free
      "
    `);
  });

  it.each([
    ["this result", "holds this very result already"],
    ["something else", "takes --force to replace"],
  ] as const)("says so where the folder holds %s", async (holds, sentence) => {
    const { stdout } = await run(DRY, commandsFor({ out: { path: "/models/pruned", holds } }));
    expect(stdout).toContain(sentence);
  });

  it("names the files of a model that has several, and says what is not known", async () => {
    const [file] = ESTIMATE.files as [PruneEstimate["files"][number]];
    const files = [{ ...file, cached: true, seconds: { ...file.seconds, calibrate: null } }];
    const { stdout } = await run(
      DRY,
      commandsFor({ out: null, files, dense: ["encoder_model"], seconds: null, notes: ["who knows"] }),
    );
    expect(stdout).toContain("\nmodel\ncrepe, 2:4\n");
    expect(stdout).toContain("stays dense: encoder_model\n");
    expect(stdout).toMatch(/calibrate +not known +1\.21 GB\n/);
    expect(stdout).toContain("time: not known\n");
    expect(stdout).toContain("the cache holds it already\n");
    expect(stdout).toContain("note: who knows\n");
  });

  it("prints only JSON with --json", async () => {
    const { stdout, stderr } = await run([...DRY, "--json"]);
    expect(JSON.parse(stdout)).toEqual({ model: "smol", ...ESTIMATE });
    expect(stderr).toBe("");
  });

  it("measures no perplexity, and says so where that is asked for", async () => {
    const { code, stderr, calls } = await run([...DRY, "--text", "novel.txt"]);
    expect({ code, calls }).toEqual({ code: 2, calls: [] });
    expect(stderr).toContain("a dry run does not run the model");
  });
});
