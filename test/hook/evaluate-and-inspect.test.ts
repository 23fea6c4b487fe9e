import { cpSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { evaluateModel, inspectModel, type ProgressEvent, pruneModel } from "../../src/index.js";
import { AUSTEN, BERT, openFiles, T5, temporaryFolder } from "./loading.js";

const text = readFileSync(join(AUSTEN, "persuasion.txt"), "utf8");

describe("evaluateModel", () => {
  test("gives the perplexity with all that makes it comparable", async () => {
    const events: ProgressEvent[] = [];
    const onProgress = (event: ProgressEvent) => void events.push(event);
    const report = await evaluateModel(AUSTEN, { text, length: 64, windows: 4, dtype: "fp32", onProgress });
    expect(report).toMatchObject({ model: AUSTEN, tokens: 4 * 63, windows: 4, length: 64, dtype: "fp32" });
    expect(report.perplexity).toBeGreaterThan(30);
    expect(report.perplexity).toBeLessThan(120);
    expect(events.map(({ phase, done, total, percent }) => [phase, done, total, percent])).toEqual([
      ["evaluate", 1, 4, 25],
      ["evaluate", 2, 4, 50],
      ["evaluate", 3, 4, 75],
      ["evaluate", 4, 4, 100],
    ]);
    expect(openFiles()).toEqual([]);
  });

  test("starts every window with BOS where that is asked for", async () => {
    const [plain, bos] = await Promise.all(
      [false, true].map((bos) => evaluateModel(AUSTEN, { text, length: 32, windows: 2, dtype: "fp32", bos })),
    );
    expect(bos?.tokens).toBe(plain?.tokens);
    expect(bos?.perplexity).not.toBe(plain?.perplexity);
  });

  test("counts only the new tokens of windows that overlap, each with more context", async () => {
    const options = { text, length: 64, dtype: "fp32" };
    const [apart, asFar, overlapping] = await Promise.all([
      evaluateModel(AUSTEN, { ...options, windows: 4 }),
      evaluateModel(AUSTEN, { ...options, windows: 4, stride: 64 }),
      evaluateModel(AUSTEN, { ...options, windows: 13, stride: 16 }),
    ]);
    expect(asFar.perplexity).toBe(apart.perplexity);
    expect([apart.stride, overlapping.stride]).toEqual([null, 16]);
    // The same 256 tokens of text: 63 of the first window, then 12 times 16.
    expect(overlapping.tokens).toBe(63 + 12 * 16);
    expect(overlapping.perplexity).toBeLessThan(apart.perplexity);
  });

  test.each([
    ["an option that does not exist", { lenght: 64 }, "unknown-option", /did you mean "length"/],
    ["a dtype that does not exist", { dtype: "fp61" }, "unknown-option", /did you mean "fp16"/],
    ["a stride beyond the window", { length: 64, stride: 65 }, "bad-option", /stride.*from 1 to 64/],
    ["half a window", { windows: 0.5 }, "bad-option", /windows/],
  ])("refuses %s", async (_, options, code, message) => {
    await expect(evaluateModel(AUSTEN, { text, ...options })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test.each([
    ["a text that is too short", AUSTEN, { text: "It was a fine morning." }, "bad-option", /1 windows|0 windows/],
    ["a model of several sessions", T5, { text }, "unsupported", /2 session files/],
    ["a model that is no language model", BERT, { text }, "unsupported", /logits/],
  ])("refuses %s", async (_, model, options, code, message) => {
    await expect(evaluateModel(model, { length: 64, windows: 4, dtype: "fp32", ...options })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test("stops between windows when it is aborted", async () => {
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error("enough"));
    const options = { text, length: 64, windows: 4, dtype: "fp32", signal: controller.signal, onProgress };
    await expect(evaluateModel(AUSTEN, options)).rejects.toThrow("enough");
    expect(openFiles()).toEqual([]);
  });
});

describe("inspectModel", () => {
  test("lists the linear layers, and what stays dense with the reason", async () => {
    const { model, files } = await inspectModel(AUSTEN, { dtype: "fp32" });
    expect(model).toBe(AUSTEN);
    expect(files).toMatchObject([
      { file: "model", bytes: statSync(join(AUSTEN, "onnx/model.onnx")).size, parameters: 1_443_472 },
    ]);
    const [file] = files;
    expect(file?.weights).toHaveLength(42);
    expect(file?.weights[0]).toEqual({
      name: "layers.0.self_attn.q_proj",
      kind: "q",
      layer: 0,
      shape: [128, 128],
      dtype: "float32",
      coding: { bits: 32, blockSize: null, zeroPoint: null },
      sparsity: 0,
      stored: { encoding: "dense", bytes: 4 * 128 * 128 },
    });
    expect(file?.dense.map(({ name }) => name)).toContain("lm_head");
    expect(file?.dense.every(({ reason }) => reason.length > 5)).toBe(true);
  });

  test("takes the path of one session file, wherever it lies", async () => {
    const path = join(temporaryFolder(), "lonely_q4.onnx");
    cpSync(join(T5, "onnx/encoder_model.onnx"), path);
    const { files } = await inspectModel(path);
    expect(files.map(({ file, weights }) => [file, weights.length > 0])).toEqual([["lonely_q4", true]]);
    await expect(inspectModel(path, { dtype: "q4" })).rejects.toMatchObject({ code: "bad-option" });
    await expect(pruneModel(path, { prune: "2:4", out: join(temporaryFolder(), "out") })).rejects.toThrow(
      "name the model's directory, and the file by its dtype",
    );
  });

  test("measures the sparsity of a pruned directory, per session", async () => {
    const out = join(temporaryFolder(), "pruned");
    const prune = { encoder_model: { method: "magnitude", pattern: "2:4" } } as const;
    await pruneModel(T5, { prune, out });
    const { files } = await inspectModel(out);
    expect(files.map(({ file, weights }) => [file, new Set(weights.map(({ sparsity }) => sparsity))])).toEqual([
      ["decoder_model_merged", new Set([0])],
      ["encoder_model", new Set([0.5])],
    ]);
  });
});
