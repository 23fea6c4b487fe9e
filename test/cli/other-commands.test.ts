import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EVALUATION, INSPECTED, run } from "./harness.js";

let folder: string;
let novel: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-"));
  novel = join(folder, "novel.txt");
  await writeFile(novel, "It was a truth");
});
afterAll(() => rm(folder, { recursive: true }));

describe("eval", () => {
  it("measures 16 windows of 512 tokens of the text unless told otherwise", async () => {
    const { calls } = await run(["eval", "smol", "--text", novel]);
    const common = { signal: expect.any(AbortSignal), onProgress: expect.any(Function) };
    expect(calls).toEqual([
      ["evaluateModel", "smol", { text: "It was a truth", length: 512, windows: 16, bos: false, ...common }],
    ]);
    const told = await run([
      "eval",
      "smol",
      "--text",
      novel,
      "--length",
      "64",
      "--windows",
      "2",
      "--bos",
      "--dtype",
      "q8",
    ]);
    expect(told.calls[0]?.[2]).toMatchObject({ length: 64, windows: 2, bos: true, dtype: "q8" });
  });

  it("prints the perplexity and what it was measured on", async () => {
    expect((await run(["eval", "smol", "--text", novel])).stdout).toMatchInlineSnapshot(`
      "perplexity 29.60  smol, fp32
      8,176 tokens predicted in 16 windows of 512, 12 s
      "
    `);
  });

  it("prints only JSON with --json", async () => {
    const { stdout, stderr } = await run(["eval", "smol", "--text", novel, "--json"]);
    expect(JSON.parse(stdout)).toEqual({ model: "smol", ...EVALUATION });
    expect(stderr).toBe("");
  });
});

describe("inspect", () => {
  it("prints targets and what is left dense", async () => {
    expect((await run(["inspect", "smol"])).stdout).toMatchInlineSnapshot(`
      "smol

      model: 539.3 MB, 1,500,000 parameters
      2 weights can be pruned: 1,216,512 parameters (81.1%), 13.6% of them zero

        weight                     kind    out×in  dtype    sparsity
        layers.0.self_attn.q_proj  q      576×576  float32     50.0%
        layers.10.mlp.down_proj    down  576×1536  float32      0.0%

      left dense
        lm_head  shares its weight with the embedding
      "
    `);
  });

  it("says what stands for zero in weights that are stored as codes", async () => {
    const [weight] = INSPECTED.files[0]?.weights ?? [];
    const weights = ([8, "codes"] as const).map((zeroPoint) => ({
      ...(weight as NonNullable<typeof weight>),
      dtype: "uint4 in blocks of 32",
      coding: { bits: 4, blockSize: 32, zeroPoint },
    }));
    const files = [{ file: "model_q4", bytes: 1200, parameters: 300_000, weights, dense: [] }];
    const { stdout } = await run(["inspect", "smol"], {
      commands: { inspectModel: async () => ({ model: "smol", files }) },
    });
    expect(stdout).toMatch(
      /576×576 {2}uint4 in blocks of 32, zero is 8 +50\.0%\n.*blocks of 32, zeros by group as codes +50\.0%\n/,
    );
  });

  it("says which weights are packed, and to how many bytes", async () => {
    const [file] = INSPECTED.files;
    const [first, second] = file?.weights ?? [];
    if (file === undefined || first === undefined || second === undefined) throw new Error("no weights");
    const weights = [{ ...first, stored: { encoding: "packed", bytes: 705_024 } as const }, second];
    const inspectModel = async () => ({ model: "smol", files: [{ ...file, weights, dense: [] }] });
    expect((await run(["inspect", "smol"], { commands: { inspectModel } })).stdout).toMatchInlineSnapshot(`
      "smol

      model: 539.3 MB, 1,500,000 parameters
      2 weights: 1,216,512 parameters (81.1%), 13.6% of them zero
      1 of them packed: to prune again, take the file that this one was made from

        weight                     kind    out×in  dtype    sparsity   packed to
        layers.0.self_attn.q_proj  q      576×576  float32     50.0%    705.0 kB
        layers.10.mlp.down_proj    down  576×1536  float32      0.0%  not packed
      "
    `);
  });

  it("says so where nothing can be pruned", async () => {
    const files = [{ file: "embed_tokens", bytes: 1200, parameters: 300, weights: [], dense: [] }];
    const { stdout } = await run(["inspect", "smol"], {
      commands: { inspectModel: async () => ({ model: "smol", files }) },
    });
    expect(stdout).toBe("smol\n\nembed_tokens: 1.2 kB, 300 parameters\nno weight that can be pruned\n");
  });

  it("prints only JSON with --json", async () => {
    const { stdout } = await run(["inspect", "smol", "--json"]);
    expect(JSON.parse(stdout)).toEqual(INSPECTED);
  });
});
