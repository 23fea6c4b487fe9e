import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import * as host from "@huggingface/transformers";
import { describe, expect, test } from "vitest";
import { type PruneModelOptions, pipeline, pruneModel } from "../../src/index.js";
import { AUSTEN, BERT, openFiles, SHORT, sparsities, T5, temporaryFolder } from "./loading.js";
import { externalise, touch } from "./rewritten.js";

const PROMPT = "It was a fine morning, and";
const MAGNITUDE = { method: "magnitude", pattern: "2:4" } as const;

/** A folder that does not exist yet. */
const fresh = () => join(temporaryFolder(), "pruned");
const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
const write = (model: string, out: string, options: Partial<PruneModelOptions> = {}) =>
  pruneModel(model, { prune: MAGNITUDE, out, ...options });
const copyOf = (model: string) => {
  const folder = temporaryFolder();
  cpSync(model, folder, { recursive: true });
  return folder;
};

describe("pruneModel", () => {
  const calibrated = { pattern: "2:4", calibration: SHORT, cache: false } as const;

  test("writes a directory that stock transformers.js loads, with the words that our pipeline says", async () => {
    const out = fresh();
    const { reports } = await pruneModel(AUSTEN, { prune: calibrated, out, dtype: "fp32" });
    expect(reports).toMatchObject([{ file: "model", zeros: 589_824, fromCache: false }]);
    expect(new Set((await sparsities({ model: join(out, "onnx/model.onnx"), options: {} })).values())).toEqual(
      new Set([0.5]),
    );

    const ours = await pipeline("text-generation", AUSTEN, { dtype: "fp32", prune: calibrated });
    const expected = await ours(PROMPT, { max_new_tokens: 16 });
    expect(generateInAnotherProcess(out)).toEqual(expected);
  });

  test("prunes alike with a bound of memory, and refuses one where sessions must run together", async () => {
    const bounded = { ...calibrated, calibration: { ...SHORT, memory: "1GB" } } as const;
    const bytesFor = async (prune: PruneModelOptions["prune"]) => {
      const out = fresh();
      await pruneModel(AUSTEN, { prune, out });
      return readFileSync(join(out, "onnx/model.onnx"));
    };
    expect((await bytesFor(bounded)).equals(await bytesFor(calibrated))).toBe(true);
    await expect(pruneModel(T5, { prune: bounded, out: fresh() })).rejects.toThrow(
      /calibration\.memory is set.*leave memory out/,
    );
  });

  test("prunes an encoder and its decoder by text alone", async () => {
    const out = fresh();
    const { reports } = await pruneModel(T5, { prune: calibrated, out });
    expect(reports.map(({ file, calibration }) => `${file}: ${calibration}`)).toEqual([
      "decoder_model_merged: 2 passages of 64 tokens of the built-in text, each continued by up to 32 tokens",
      "encoder_model: 2 samples of 64 tokens of the built-in text",
    ]);
    const prune = { ...calibrated, cache: temporaryFolder() };
    const ours = await pipeline("text2text-generation", T5, { prune });
    const theirs = await host.pipeline("text2text-generation", out);
    expect(await theirs(PROMPT, { max_new_tokens: 16 })).toEqual(await ours(PROMPT, { max_new_tokens: 16 }));
  });

  test("gives run() the model, and calibrates every session by it", async () => {
    const tokenizer = await host.AutoTokenizer.from_pretrained(T5);
    const run = (model: host.PreTrainedModel) => model.generate({ ...tokenizer(PROMPT), max_new_tokens: 4 });
    const { reports } = await pruneModel(T5, { prune: { ...calibrated, calibration: { run } }, out: fresh() });
    const tokens = tokenizer.encode(PROMPT).length;
    expect(reports.map(({ weights }) => Math.max(...weights.map((weight) => weight.tokens)))).toEqual([tokens, tokens]);
    expect(openFiles()).toEqual([]);
  });

  test("gives run() the pipeline where a task is named, with the masks of a pipeline that is loaded pruned", async () => {
    const run = (pipe: host.Text2TextGenerationPipeline) => pipe(PROMPT, { max_new_tokens: 4 });
    const prune = { ...calibrated, calibration: { run } };
    const out = fresh();
    await pruneModel(T5, { task: "text2text-generation", prune, out });
    const ours = await pipeline("text2text-generation", T5, { prune });
    const theirs = await host.pipeline("text2text-generation", out);
    expect(await theirs(PROMPT, { max_new_tokens: 16 })).toEqual(await ours(PROMPT, { max_new_tokens: 16 }));
  });

  test("copies sessions that stay dense and all side files byte for byte", async () => {
    const out = fresh();
    const source = copyOf(T5);
    writeFileSync(join(source, "chat_template.jinja"), "{{ messages }}");
    writeFileSync(join(source, "model.safetensors"), "weights of another framework");
    const prune = { encoder_model: false, decoder_model_merged: MAGNITUDE };
    const { reports } = await pruneModel(source, { prune, out });
    expect(reports.map(({ file }) => file)).toEqual(["decoder_model_merged"]);
    for (const file of ["onnx/encoder_model.onnx", "config.json", "tokenizer.json", "chat_template.jinja"])
      expect(readFileSync(join(out, file)).equals(readFileSync(join(source, file))), file).toBe(true);
    expect(filesOf(out)).toEqual(
      [...filesOf(source).filter((name) => !name.endsWith("safetensors")), "prune.json"].sort(),
    );
  });

  test("leaves a record of what was asked for and what came out", async () => {
    const out = fresh();
    const { reports } = await write(BERT, out);
    const record = JSON.parse(readFileSync(join(out, "prune.json"), "utf8"));
    expect(record).toMatchObject({
      format: 2,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      key: expect.stringMatching(/^[0-9a-f]{64}$/),
      options: { model: { method: "magnitude", coefficients: {}, calibration: "none" } },
      source: { "model.onnx": expect.stringMatching(/^[0-9a-f]{64}$/) },
      reports,
    });
    expect(record.files.map(({ name }: { name: string }) => name).sort()).toEqual(
      filesOf(out).filter((name) => name !== "prune.json"),
    );
    expect(JSON.stringify(record)).not.toContain(dirname(BERT));
  });

  test("does nothing where the same result is there already", async () => {
    const out = fresh();
    const first = await write(BERT, out);
    const second = await write(BERT, out);
    expect(second).toEqual({ out, reports: first.reports.map((report) => ({ ...report, fromCache: true })) });
  });

  test.each<[string, (source: string) => void | Promise<void>]>([
    [
      "a side file",
      (source) => writeFileSync(join(source, "config.json"), `${readFileSync(join(source, "config.json"))}\n`),
    ],
    ["a dense session", (source) => touch(join(source, "onnx/encoder_model.onnx"))],
  ])("does not take it for the same where %s of the source has changed", async (_, change) => {
    const [source, out] = [copyOf(T5), fresh()];
    const prune = { decoder_model_merged: MAGNITUDE };
    await write(source, out, { prune });
    await change(source);
    await expect(write(source, out, { prune })).rejects.toMatchObject({ code: "storage" });
    expect((await write(source, out, { prune, force: true })).reports[0]?.fromCache).toBe(false);
  });

  test("refuses a directory that holds something, and with force replaces a model's directory but no other", async () => {
    const out = temporaryFolder();
    writeFileSync(join(out, "letter.txt"), "Dear Jane");
    await expect(write(BERT, out)).rejects.toMatchObject({
      code: "storage",
      message: expect.stringContaining("force"),
    });
    await expect(write(BERT, out, { force: true })).rejects.toMatchObject({
      code: "storage",
      message: expect.stringContaining("no model directory"),
    });
    expect(filesOf(out)).toEqual(["letter.txt"]);
    writeFileSync(join(out, "config.json"), "{}");
    await write(BERT, out, { force: true });
    expect(filesOf(out)).not.toContain("letter.txt");
  });

  test("never replaces a file, nor the working directory", async () => {
    const file = join(temporaryFolder(), "letter.txt");
    writeFileSync(file, "Dear Jane");
    await expect(write(BERT, file, { force: true })).rejects.toMatchObject({ code: "storage" });
    expect(readFileSync(file, "utf8")).toBe("Dear Jane");

    const [out, before] = [temporaryFolder(), process.cwd()];
    mkdirSync(join(out, "here"));
    process.chdir(join(out, "here"));
    try {
      await expect(write(BERT, out, { force: true })).rejects.toMatchObject({
        code: "storage",
        message: expect.stringContaining("working directory"),
      });
    } finally {
      process.chdir(before);
    }
  });

  test.each<[string, (source: string) => string]>([
    ["the source itself", (source) => source],
    ["a folder that holds the source", (source) => dirname(source)],
    ["a folder in the source", (source) => join(source, "pruned")],
    [
      "the source by way of a link",
      (source) => {
        const link = join(temporaryFolder(), "link");
        symlinkSync(source, link);
        return link;
      },
    ],
  ])("refuses %s as directory, even with force", async (_, outOf) => {
    const source = join(temporaryFolder(), "model");
    cpSync(BERT, source, { recursive: true });
    const before = filesOf(dirname(source));
    await expect(write(source, outOf(source), { force: true })).rejects.toMatchObject({
      code: "storage",
      message: expect.stringContaining("stays untouched"),
    });
    expect(filesOf(dirname(source))).toEqual(before);
  });

  test("tells the host of external data, which only then finds it in browsers", async () => {
    const [source, out] = [copyOf(BERT), fresh()];
    await externalise(join(source, "onnx/model.onnx"));
    await write(source, out);
    expect(filesOf(join(out, "onnx"))).toEqual(["model.onnx", "model.onnx_data"]);
    const config = JSON.parse(readFileSync(join(out, "config.json"), "utf8"));
    expect(config["transformers.js_config"]).toEqual({ use_external_data_format: { "model.onnx": 1 } });
    const embed = await host.pipeline("feature-extraction", out);
    expect((await embed("A fine morning.", { pooling: "mean" })).dims).toEqual([1, 64]);
  });

  test("tells the host of a dtype that it would not look for", async () => {
    const [source, out] = [copyOf(T5), fresh()];
    renameSync(join(source, "onnx/encoder_model.onnx"), join(source, "onnx/encoder_model_fp16.onnx"));
    const path = join(source, "config.json");
    const given = { dtype: "q4", device_config: { webgpu: { dtype: "q8", use_external_data_format: 1 } }, kept: 1 };
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), "transformers.js_config": given }));
    await write(source, out, { dtype: { encoder_model: "fp16", decoder_model_merged: "fp32" } });
    expect(JSON.parse(readFileSync(join(out, "config.json"), "utf8"))["transformers.js_config"]).toEqual({
      dtype: { encoder_model: "fp16", decoder_model_merged: "fp32" },
      device_config: { webgpu: { use_external_data_format: 1 } },
      kept: 1,
    });
    await (await host.AutoModelForSeq2SeqLM.from_pretrained(out)).dispose();
  });

  test("leaves nothing behind when it is aborted", async () => {
    const out = fresh();
    const controller = new AbortController();
    const writing = pruneModel(AUSTEN, {
      prune: MAGNITUDE,
      out,
      dtype: "fp32",
      signal: controller.signal,
      onProgress: ({ phase }) => phase === "write" && controller.abort(new Error("enough")),
    });
    await expect(writing).rejects.toThrow("enough");
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(dirname(out))).toEqual([]);
    expect(openFiles()).toEqual([]);
  });

  test("heeds the signal among the prune options too", async () => {
    const prune = { ...MAGNITUDE, signal: AbortSignal.abort(new Error("enough")) };
    await expect(pruneModel(BERT, { prune, out: fresh() })).rejects.toThrow("enough");
  });

  test.each([
    ["a directory without config", () => temporaryFolder(), /no config\.json/],
    ["a directory without the file of the dtype", () => BERT, /model_fp16\.onnx/],
  ])("names what is missing in %s", async (_, model, message) => {
    await expect(pruneModel(model(), { prune: true, out: fresh(), dtype: "fp16" })).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringMatching(message),
    });
  });

  test("takes options as they are for maps and unknown files", async () => {
    const prune = { encoder: MAGNITUDE, decoder_model_merged: MAGNITUDE };
    await expect(pruneModel(T5, { prune, out: fresh() })).rejects.toMatchObject({
      code: "unknown-option",
      message: expect.stringContaining("encoder_model"),
    });
  });
});

/** Generates with stock transformers.js: no module of ours is loaded there. */
function generateInAnotherProcess(model: string): unknown {
  const script = `
    import { env, pipeline } from "@huggingface/transformers";
    env.allowRemoteModels = false;
    const generate = await pipeline("text-generation", ${JSON.stringify(model)}, { dtype: "fp32" });
    console.log(JSON.stringify(await generate(${JSON.stringify(PROMPT)}, { max_new_tokens: 16 })));
  `;
  const cwd = join(import.meta.dirname, "../..");
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd, encoding: "utf8" }));
}
