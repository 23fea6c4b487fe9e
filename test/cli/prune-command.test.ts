import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PruneReport } from "../../src/report.js";
import { event, REPORT, run } from "./harness.js";

const PRUNE = ["prune", "smol", "--out", "pruned"];
let folder: string;
let novel: string;
let latin1: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-"));
  novel = join(folder, "novel.txt");
  latin1 = join(folder, "latin1.txt");
  await writeFile(novel, "It was a truth");
  await writeFile(latin1, Buffer.from([0x63, 0x61, 0x66, 0xe9]));
});
afterAll(() => rm(folder, { recursive: true }));

describe("what prune asks for", () => {
  it("is the model, the folder and the options' own defaults", async () => {
    const { code, calls } = await run(PRUNE);
    expect(code).toBe(0);
    expect(calls).toEqual([
      [
        "pruneModel",
        "smol",
        { prune: {}, out: "pruned", signal: expect.any(AbortSignal), onProgress: expect.any(Function) },
      ],
    ]);
  });

  it("turns every flag into the option of the same name", async () => {
    const flags = [
      ...["--method", "ria", "--sparsity", "0.6", "--scope", "row", "--include", "mlp", "--include", "q_proj"],
      ...["--exclude", "layers.0", "--coefficients", "auto", "--calibration", novel, "--calibration-count", "8"],
      ...["--calibration-length", "64", "--bos", "--passes", "2", "--dtype", "fp16", "--cache-dir", "/cache"],
      ...[
        "--encoding",
        "packed",
        "--compare-bytes",
        "--local-files-only",
        "--revision",
        "v2",
        "--force",
        "--threads",
        "3",
        "--quiet",
        "--json",
      ],
    ];
    const { calls } = await run([...PRUNE, ...flags]);
    expect(calls[0]?.[2]).toEqual({
      prune: {
        method: "ria",
        sparsity: 0.6,
        scope: "row",
        coefficients: "auto",
        include: ["mlp", "q_proj"],
        exclude: ["layers.0"],
        calibration: { texts: "It was a truth", count: 8, length: 64, bos: true },
        passes: 2,
        encoding: "packed",
        compareBytes: true,
      },
      out: "pruned",
      force: true,
      threads: 3,
      dtype: "fp16",
      cache_dir: "/cache",
      local_files_only: true,
      revision: "v2",
      signal: expect.any(AbortSignal),
      onProgress: expect.any(Function),
    });
  });

  it.each([
    [["--pattern", "2:4"], { pattern: "2:4" }],
    [["--pattern", "2:4", "--permute"], { pattern: "2:4", permute: true }],
    [["--sparsity", "50%"], { sparsity: "50%" }],
    [["--coefficients", '{"row":0.35}'], { coefficients: '{"row":0.35}' }],
    [["--preset", "best"], { preset: "best" }],
    [["--method", "wanda", "--reconstruct", "admm", "--damping", "0.05"], { reconstruct: "admm", damping: 0.05 }],
    [["--method", "wanda", "--reconstruct", "none"], { method: "wanda", reconstruct: false }],
    [["--reconstruct", '{"name":"sparsellm","steps":4}'], { reconstruct: { name: "sparsellm", steps: 4 } }],
    [["--block-size", "64"], { blockSize: 64 }],
    [["--sequential"], { sequential: true }],
    [["--sequential", "10", "--target", "weights"], { sequential: { groups: 10 }, target: "weights" }],
    [["--preset", "best", "--sequential", "none"], { preset: "best", sequential: false }],
    [["--repair", "least-squares, bias"], { repair: ["least-squares", "bias"] }],
    [["--repair", "none"], { repair: false }],
  ])("%j is %j", async (flags, prune) => {
    const { code, calls } = await run([...PRUNE, ...flags]);
    expect(code).toBe(0);
    expect(calls[0]?.[2]).toMatchObject({ prune });
  });

  it.each([
    [["--preset", "slow"], '--preset: expected "fast" or "balanced" or "best", received "slow"'],
    [["--reconstruct", "sparsegpt"], "--reconstruct: expected"],
    [["--reconstruct", '{"name":'], '--reconstruct: expected a name, or JSON such as {"name":"sparsellm","steps":4}'],
    [["--reconstruct", '{"name":"swaps","rounds":0}'], "--reconstruct.rounds: expected a whole number from 1"],
    [["--reconstruct", "none"], '--reconstruct is false, but method "sparsegpt" moves weights'],
    [["--sequential", "all"], "--sequential.groups: expected a whole number from 1"],
    [["--sequential", "--passes", "2"], "leave one of them out"],
    [["--target", "outputs"], '--target is "outputs"'],
    [["--repair", "bias,"], "--repair.1: expected"],
    [["--damping", "2"], "--damping: expected a number above 0 up to 1, received 2"],
    [["--block-size", "0"], "--block-size: expected a whole number from 1 to 1024"],
    [["--method", "wanda", "--block-size", "64"], "--block-size is for updates of weights"],
  ])("%j is refused by the name of the flag, before the model is looked at", async (flags, message) => {
    const { code, stderr, calls } = await run([...PRUNE, ...flags]);
    expect({ code, calls }).toEqual({ code: 2, calls: [] });
    expect(stderr).toContain(message);
  });

  it("refuses a text that is not UTF-8", async () => {
    const { code, stderr } = await run([...PRUNE, "--calibration", latin1]);
    expect(code).toBe(1);
    expect(stderr).toContain("is not UTF-8 text; convert it first [bad-option]");
  });

  it("refuses an empty calibration text before the model is looked at", async () => {
    const empty = join(folder, "empty.txt");
    await writeFile(empty, "\n");
    const { code, stderr, calls } = await run([...PRUNE, "--calibration", empty]);
    expect({ code, calls }).toEqual({ code: 1, calls: [] });
    expect(stderr).toContain("--calibration holds no text; give texts");
  });
});

describe("what prune prints", () => {
  const evaluateModel = async (model: string) => ({
    model,
    perplexity: model === "smol" ? 29.602 : 152.262,
    ...{ tokens: 8176, windows: 4, length: 128, dtype: "fp32", seconds: 1, stride: null },
  });

  it("is a table of before and after", async () => {
    const { stdout, calls } = await run([...PRUNE, "--text", novel, "--windows", "4", "--length", "128", "--bos"], {
      commands: { evaluateModel },
    });
    expect(calls.map(([name, model]) => [name, model])).toEqual([
      ["evaluateModel", "smol"],
      ["pruneModel", "smol"],
      ["evaluateModel", "pruned"],
    ]);
    expect(calls[0]?.[2]).toMatchObject({ text: "It was a truth", windows: 4, length: 128, bos: true });
    expect(calls[2]?.[2]).toMatchObject({ windows: 4, length: 128, bos: true, local_files_only: true });
    expect(stdout).toMatchInlineSnapshot(`
      "smol → pruned
      crepe, 2:4
      coefficients: row 0, column 0.54, window 0.46, size 31, power 0.8, shape 0
        tuned on this model (drift, 2026-01-31)
      calibration: built-in text, 32 samples of 512 tokens

                             dense       pruned
        parameters     134,515,008  134,515,008
        set to zero              0   53,084,160  50.0% of 106,168,320 prunable
        bytes on disk     539.3 MB     539.3 MB
        perplexity           29.60       152.26  +414.4%

      26 s in all: read 0.3 s, calibrate 22 s, mask 2.1 s, write 0.8 s

      left dense
        lm_head             shares its weight with the embedding
        a, b, c and 1 more  not included

      Zeros alone make a model neither smaller nor faster: they are stored and multiplied like any
      other number, until a runtime or a file format makes use of them.
      "
    `);
  });

  it("lists the coefficients that only a part of the model has", async () => {
    const part = { ...REPORT.coefficients, power: 0.5 };
    const summaryOf = async (parts: Pick<PruneReport, "byKind" | "byDepth">) => {
      const reports = [{ ...REPORT, ...parts }];
      return (await run(PRUNE, { commands: { pruneModel: async (_, { out }) => ({ out, reports }) } })).stdout;
    };
    const numbers = "row 0, column 0.54, window 0.46, size 31, power 0.5, shape 0\n";
    expect(await summaryOf({ byKind: { down: part } })).toContain(`\n  down: ${numbers}`);
    expect(await summaryOf({ byDepth: [part, part] })).toContain(
      `\n  part 1 of 2: ${numbers}  part 2 of 2: ${numbers}`,
    );
  });

  it("compares encodings where the report does, and says what packing is good for", async () => {
    const [weight] = REPORT.weights as [PruneReport["weights"][number]];
    const compared = {
      dense: 539_285_833,
      packed: 340_600_000,
      compressed: { gzip: { level: 6, bytes: 351_000_000 }, brotli: { level: 5, bytes: 349_000_000 } },
    };
    const weights = [{ ...weight, stored: { encoding: "packed", bytes: 705_024 } } as const];
    const reports = [{ ...REPORT, weights, bytes: { source: 539_285_833, written: 340_600_000, compared } }];
    const { stdout } = await run(PRUNE, { commands: { pruneModel: async (_, { out }) => ({ out, reports }) } });
    expect(stdout).toContain(
      "\nthe whole file: dense 539.3 MB, packed 340.6 MB, gzip at level 6 of the dense one 351.0 MB, " +
        "brotli at level 5 of the dense one 349.0 MB\nits pruned weights: 53.1% of their dense bytes\n",
    );
    expect(stdout).toContain("Packed weights make the file smaller, and nothing faster");
    const twice = {
      commands: {
        pruneModel: async (_: string, { out }: { out: string }) => ({ out, reports: [...reports, ...reports] }),
      },
    };
    expect(JSON.parse((await run([...PRUNE, "--json"], twice)).stdout).bytes.compared).toEqual({
      dense: 2 * compared.dense,
      packed: 2 * compared.packed,
      compressed: { gzip: { level: 6, bytes: 702_000_000 }, brotli: { level: 5, bytes: 698_000_000 } },
    });
  });

  it("says what came from the cache and what did not go as asked for", async () => {
    const reports = [{ ...REPORT, method: "wanda", coefficients: {}, fromCache: true, notes: ["a note"] } as const];
    const { stdout } = await run(PRUNE, { commands: { pruneModel: async (_, { out }) => ({ out, reports }) } });
    expect(stdout).toContain(
      "wanda, 2:4\ncalibration: built-in text, 32 samples of 512 tokens\ntaken from the cache\n",
    );
    expect(stdout).toContain("\nnote: a note\n");
    expect(stdout).not.toContain("perplexity");
  });

  it("is only JSON with --json: the report of a model's one file", async () => {
    const { stdout, stderr } = await run([...PRUNE, "--json", "--text", novel], {
      commands: {
        evaluateModel,
        pruneModel: async (_, { out, onProgress }) => {
          onProgress?.(event("mask", 2, 2));
          return { out, reports: [REPORT] };
        },
      },
    });
    expect(JSON.parse(stdout)).toEqual({
      model: "smol",
      out: "pruned",
      ...REPORT,
      perplexity: { dense: 29.602, pruned: 152.262 },
      files: [REPORT],
    });
    expect(stderr).toContain("mask 2/2");
  });

  it("sums the files of a model that has several", async () => {
    const reports = [
      { ...REPORT, file: "encoder_model", notes: ["careful"] },
      { ...REPORT, file: "decoder_model_merged", fromCache: true },
    ];
    const { stdout } = await run([...PRUNE, "--json"], {
      commands: { pruneModel: async (_, { out }) => ({ out, reports }) },
    });
    const json = JSON.parse(stdout);
    expect(json).toMatchObject({
      zeros: 2 * REPORT.zeros,
      prunable: 2 * REPORT.prunable,
      parameters: 2 * REPORT.parameters,
      seconds: { total: 51.2 },
      bytes: { source: 2 * REPORT.bytes.source, written: 2 * REPORT.bytes.written },
      coefficients: REPORT.coefficients,
      fromCache: false,
      notes: ["encoder_model: careful"],
      files: reports,
    });
    expect(json.weights.map(({ file }: { file: string }) => file)).toEqual(["encoder_model", "decoder_model_merged"]);
    expect(json.skipped).toHaveLength(10);
  });
});
