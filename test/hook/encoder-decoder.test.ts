import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as host from "@huggingface/transformers";
import { describe, expect, test } from "vitest";
import { buildModel, findTargets, readValues } from "../../src/graph/index.js";
import { type PruneOptions, type PruneReport, pipeline, withPrune } from "../../src/index.js";
import { openModel } from "../../src/onnx/index.js";
import { fileOf, openFiles, openSessions, SHORT, sessions, sparsities, T5, temporaryFolder } from "./loading.js";
import { touch } from "./rewritten.js";

const TEXTS = ["It was a fine morning.", "She walked to the village, and he did not follow her.", "No."];

type Pipe = host.Text2TextGenerationPipeline;

/** Loads the fixture with `prune` and returns the pipeline with the reports by file. */
async function load(prune: Parameters<typeof pipeline<"text2text-generation">>[2] & object, model = T5) {
  const pipe = await pipeline("text2text-generation", model, prune);
  const [encoder, decoder] = ["encoder_model", "decoder_model_merged"].map((file) =>
    openSessions().find((one) => fileOf(one).startsWith(file)),
  );
  return { pipe, encoder, decoder };
}

const options = (given: PruneOptions<Pipe>, reports: Map<string, PruneReport> = new Map()) =>
  ({ pattern: "2:4", onReport: (report) => reports.set(report.file, report), ...given }) as PruneOptions<Pipe>;

const runOver = (texts: readonly string[]) => async (pipe: Pipe) => {
  for (const text of texts) await pipe(text, { max_new_tokens: 4 });
};

/** Half of every weight is zero; of what is kept only what reads channels in which nothing ever was. */
async function expectHalf(session: unknown): Promise<void> {
  for (const [name, sparsity] of await sparsities(session as never)) {
    expect(sparsity, name).toBeGreaterThanOrEqual(0.5);
    expect(sparsity, name).toBeLessThan(0.51);
  }
}

const tokensOf = (report: PruneReport | undefined, name: RegExp) => [
  ...new Set(report?.weights.filter((weight) => name.test(weight.name)).map(({ tokens }) => tokens)),
];

describe("an encoder and its decoder", () => {
  const cache = temporaryFolder();

  test("are both pruned by text alone, the decoder while the whole model runs", async () => {
    const reports = new Map<string, PruneReport>();
    const { pipe, encoder, decoder } = await load({ prune: options({ calibration: SHORT, cache }, reports) });

    expect(reports.get("encoder_model")?.calibration).toBe("2 samples of 64 tokens of the built-in text");
    expect(reports.get("decoder_model_merged")).toMatchObject({
      calibration: "2 passages of 64 tokens of the built-in text, each continued by up to 32 tokens",
      notes: [],
      fromCache: false,
    });
    // What the encoder made of a passage (and its end) meets these weights once, not once a step.
    const [crossTokens] = tokensOf(reports.get("decoder_model_merged"), /EncDecAttention\.[kv]$/);
    expect(crossTokens).toBeGreaterThanOrEqual(2 * 60);
    expect(crossTokens).toBeLessThan(2 * 70);
    for (const one of [encoder, decoder]) await expectHalf(one);
    for (const { zeros, prunable } of reports.values()) expect(zeros).toBe(prunable / 2);
    expect(openSessions()).toHaveLength(2);
    await pipe(TEXTS[0] as string, { max_new_tokens: 8 });
  });

  test("come from the cache the second time, when nothing else is opened", async () => {
    const reports = new Map<string, PruneReport>();
    await load({ prune: options({ calibration: SHORT, cache }, reports) });
    expect([...reports.values()].map(({ fromCache }) => fromCache)).toEqual([true, true]);
    expect(sessions).toHaveLength(2);
  });

  test("work with from_pretrained as well, from the same cache", async () => {
    const reports = new Map<string, PruneReport>();
    const prune: PruneOptions = options({ calibration: SHORT, cache }, reports);
    await withPrune(host.AutoModelForSeq2SeqLM).from_pretrained(T5, { prune });
    expect([...reports.values()].map(({ fromCache }) => fromCache)).toEqual([true, true]);
  });

  test("are calibrated anew where the file of the other session has changed", async () => {
    const model = temporaryFolder();
    cpSync(T5, model, { recursive: true });
    const reports = new Map<string, PruneReport>();
    const prune = options({ calibration: SHORT, cache }, reports);
    await load({ prune }, model);
    expect(reports.get("decoder_model_merged")?.fromCache).toBe(true);

    await touch(join(model, "onnx/encoder_model.onnx"));
    await load({ prune }, model);
    expect([...reports.values()].map(({ fromCache }) => fromCache)).toEqual([false, false]);
  });

  test("may be pruned one by one: a map leaves the encoder as it is", async () => {
    const reports = new Map<string, PruneReport>();
    const { encoder, decoder } = await load({
      prune: { encoder_model: false, decoder_model_merged: options({ calibration: SHORT, cache: false }, reports) },
    });
    expect([...reports.keys()]).toEqual(["decoder_model_merged"]);
    expect(encoder?.model).toBe(`${T5}/onnx/encoder_model.onnx`);
    expect(decoder).toBeUndefined();
    const inMemory = openSessions().find((one) => fileOf(one) === "bytes");
    await expectHalf(inMemory);
  });

  test("names the session files where the map has another", async () => {
    const wrong = load({ prune: { decoder_model: { method: "magnitude", cache: false } } });
    await expect(wrong).rejects.toMatchObject({
      code: "unknown-option",
      message: expect.stringMatching(/decoder_model_merged.*encoder_model|encoder_model.*decoder_model_merged/s),
    });
    expect(openFiles()).toEqual([]);
  });

  test("share weights between the branches of the decoder: pruned once, read by both", async () => {
    const pruned = await openDecoder(await load({ prune: options({ calibration: SHORT, cache }) }));
    const dense = await openModel(join(T5, "onnx/decoder_model_merged.onnx"));
    const { targets } = findTargets(buildModel(pruned));
    expect(targets.filter(({ uses }) => uses.length === 2).length).toBeGreaterThan(10);
    expect(pruned.graph.initializers.map(({ name }) => name)).toEqual(dense.graph.initializers.map(({ name }) => name));
    await Promise.all([pruned.close(), dense.close()]);
  });
});

describe("weights that are updated while the whole model runs", () => {
  const byRun = (calls: string[]) => ({
    run: async (pipe: Pipe) => {
      calls.push("run");
      await runOver(TEXTS)(pipe);
    },
  });

  test("move in both files by the default preset, in one run", async () => {
    const reports = new Map<string, PruneReport>();
    const calls: string[] = [];
    const calibration = { ...byRun(calls), id: "three texts" };
    const { encoder } = await load({ prune: options({ calibration, cache: temporaryFolder() }, reports) });
    expect(calls).toHaveLength(1);
    for (const report of reports.values()) {
      expect(report).toMatchObject({
        ...{ method: "sparsegpt", reconstruct: "obs", repair: ["least-squares"], sequential: null, target: "weights" },
        ...{ groups: 1, device: "runtime", notes: [] },
      });
      for (const { error, sparsity } of report.weights) {
        expect(sparsity).toBe(0.5);
        expect(error).toBeGreaterThan(0);
        expect(error).toBeLessThan(0.5);
      }
    }
    const moved = await movedShare(encoder as never, "encoder_model");
    expect(moved).toBeGreaterThan(0.4);
  });

  test("sequentially take a run for each block, and the report says what could not be done", async () => {
    const reports = new Map<string, PruneReport>();
    const calls: string[] = [];
    await load({ prune: options({ preset: "best", calibration: byRun(calls), cache: false }, reports) });
    const groups = [...reports.values()].map((report) => report.groups ?? 0);
    expect(Math.min(...groups)).toBeGreaterThan(1);
    expect(calls).toHaveLength(Math.max(...groups));
    for (const report of reports.values()) {
      expect(report).toMatchObject({ sequential: report.groups, target: "weights" });
      expect(report.notes).toEqual([
        `sequential by ${report.groups} blocks and not by each activation, because the whole model is run to calibrate`,
        "layers were held to their own weights and not to the dense model's outputs, because the whole model is run to calibrate",
      ]);
      for (const { sparsity } of report.weights) expect(sparsity).toBe(0.5);
    }
  });

  test("sequentially see what became of earlier blocks", async () => {
    const seen: number[] = [];
    const run = async (pipe: Pipe) => {
      await runOver(TEXTS)(pipe);
      for (const one of openSessions()) seen.push([...(await sparsities(one)).values()].filter((s) => s > 0).length);
    };
    await load({
      prune: options({ sequential: { groups: 2 }, target: "weights", calibration: { run }, cache: false }),
    });
    expect(seen).toHaveLength(4);
    expect(seen.slice(0, 2)).toEqual([0, 0]);
    for (const count of seen.slice(2)) expect(count).toBeGreaterThan(0);
  });

  test("and masks of scores may be of one run, each file as its options say", async () => {
    const reports = new Map<string, PruneReport>();
    const calls: string[] = [];
    const calibration = byRun(calls);
    const prune = {
      encoder_model: options({ method: "wanda", passes: 2, calibration, cache: false }, reports),
      decoder_model_merged: options({ method: "wanda", reconstruct: "obs", calibration, cache: false }, reports),
    };
    await load({ prune });
    expect(calls).toHaveLength(2);
    expect(reports.get("encoder_model")).toMatchObject({ reconstruct: null, passes: 2, device: "cpu", notes: [] });
    expect(reports.get("decoder_model_merged")).toMatchObject({ reconstruct: "obs", device: "cpu", groups: 1 });
    for (const { weights } of reports.values()) for (const { sparsity } of weights) expect(sparsity).toBe(0.5);
  });
});

describe("calibration by run", () => {
  test("is given the pipeline, and every token that passes counts", async () => {
    const reports = new Map<string, PruneReport>();
    await load({ prune: options({ calibration: { run: runOver(TEXTS) }, cache: false }, reports) });

    const tokenizer = await host.AutoTokenizer.from_pretrained(T5);
    const count = TEXTS.reduce((sum, text) => sum + tokenizer.encode(text).length, 0);
    expect(tokensOf(reports.get("encoder_model"), /./)).toEqual([count]);
    expect(tokensOf(reports.get("decoder_model_merged"), /EncDecAttention\.[kv]$/)).toEqual([count]);
    const [steps = 0] = tokensOf(reports.get("decoder_model_merged"), /SelfAttention\.q$/);
    expect(steps).toBeGreaterThanOrEqual(TEXTS.length);
    expect(steps).toBeLessThanOrEqual(TEXTS.length * 4);
    expect(reports.get("encoder_model")).toMatchObject({ calibration: "the given run()", notes: [] });
    expect(openSessions()).toHaveLength(2);
  });

  test("leaves out the padding of a batch", async () => {
    const reports = new Map<string, PruneReport>();
    const run = async (pipe: Pipe) => {
      await pipe([...TEXTS], { max_new_tokens: 1 });
    };
    await load({ prune: options({ calibration: { run }, cache: false }, reports) });
    const tokenizer = await host.AutoTokenizer.from_pretrained(T5);
    const count = TEXTS.reduce((sum, text) => sum + tokenizer.encode(text).length, 0);
    expect(tokensOf(reports.get("encoder_model"), /./)).toEqual([count]);
    expect(tokensOf(reports.get("decoder_model_merged"), /EncDecAttention\.[kv]$/)).toEqual([count]);
  });

  test("runs once a pass; the second pass sees the model as the first pruned it", async () => {
    const seen: number[] = [];
    const run = async (pipe: Pipe) => {
      await runOver(TEXTS)(pipe);
      for (const one of openSessions()) for (const value of (await sparsities(one)).values()) seen.push(value);
    };
    const reports = new Map<string, PruneReport>();
    await load({ prune: options({ calibration: { run }, passes: 2, cache: false }, reports) });
    expect(seen.slice(0, seen.length / 2).every((value) => value === 0)).toBe(true);
    expect(seen.slice(seen.length / 2).every((value) => value === 0.5)).toBe(true);
    expect([...reports.values()].map(({ passes }) => passes)).toEqual([2, 2]);
  });

  test("keeps the runs of different files apart, and their passes", async () => {
    const calls: string[] = [];
    const reports = new Map<string, PruneReport>();
    const runOf = (name: string, texts: readonly string[]) => async (pipe: Pipe) => {
      calls.push(name);
      await runOver(texts)(pipe);
    };
    const one = { run: runOf("encoder", TEXTS.slice(0, 1)) };
    const two = { run: runOf("decoder", TEXTS.slice(1, 2)) };
    await load({
      prune: {
        encoder_model: options({ calibration: one, passes: 2, cache: false }, reports),
        decoder_model_merged: options({ calibration: two, cache: false }, reports),
      },
    });
    expect(calls.sort()).toEqual(["decoder", "encoder", "encoder"]);
    const tokenizer = await host.AutoTokenizer.from_pretrained(T5);
    const [first, second] = TEXTS.map((text) => tokenizer.encode(text).length);
    expect(tokensOf(reports.get("encoder_model"), /./)).toEqual([first]);
    expect(tokensOf(reports.get("decoder_model_merged"), /EncDecAttention\.[kv]$/)).toEqual([second]);
    expect([...reports].map(([file, { passes }]) => [file, passes]).sort()).toEqual([
      ["decoder_model_merged", 1],
      ["encoder_model", 2],
    ]);
  });

  test("is not cached without a name, and says so", async () => {
    const cache = temporaryFolder();
    const reports = new Map<string, PruneReport>();
    const prune = options({ calibration: { run: runOver(TEXTS) }, cache }, reports);
    await load({ prune });
    expect(reports.get("encoder_model")?.notes).toEqual([expect.stringContaining("calibration.id")]);
  });

  test("is cached under its name, and not run again", async () => {
    const cache = temporaryFolder();
    const reports = new Map<string, PruneReport>();
    let runs = 0;
    const run = async (pipe: Pipe) => {
      runs++;
      await runOver(TEXTS)(pipe);
    };
    const prune = options({ calibration: { run, id: "three texts" }, cache }, reports);
    await load({ prune });
    await load({ prune });
    expect(runs).toBe(1);
    expect([...reports.values()].map(({ fromCache, notes }) => [fromCache, notes])).toEqual([
      [true, []],
      [true, []],
    ]);
  });

  test("may load and prune another model on its way", async () => {
    let inner = 0;
    const run = async (pipe: Pipe) => {
      const other = await pipeline("text2text-generation", T5, { prune: { method: "magnitude", cache: false } });
      await other.dispose();
      inner++;
      await runOver(TEXTS)(pipe);
    };
    await load({ prune: options({ calibration: { run }, cache: false }) });
    expect(inner).toBe(1);
  });

  test("passes on what it throws, and leaves nothing open", async () => {
    const reason = new Error("no microphone");
    const run = async () => {
      throw reason;
    };
    await expect(load({ prune: options({ calibration: { run }, cache: false }) })).rejects.toBe(reason);
    expect(openFiles()).toEqual([]);
  });

  test("names a weight that it did not reach, and the remedy", async () => {
    await expect(load({ prune: options({ calibration: { run: () => {} }, cache: false }) })).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringMatching(/weight ".*" saw no token .*; give samples that reach it, or exclude it/),
    });
    expect(openFiles()).toEqual([]);
  });
});

/** Share of the weights of a session that have neither their old value nor 0. */
async function movedShare({ model }: { readonly model: string }, file: string): Promise<number> {
  const [before, after] = [await openModel(join(T5, `onnx/${file}.onnx`)), await openModel(model)];
  const found = findTargets(buildModel(before)).targets.filter(({ layer }) => layer !== null);
  const twins = new Map(findTargets(buildModel(after)).targets.map((target) => [target.name, target]));
  let [moved, all] = [0, 0];
  for (const target of found) {
    const [dense, pruned] = [await readValues(target), await readValues(twins.get(target.name) as typeof target)];
    all += dense.length;
    for (const [k, value] of pruned.entries()) if (value !== 0 && value !== dense[k]) moved++;
  }
  await Promise.all([before.close(), after.close()]);
  return moved / all;
}

/** The decoder as it was opened, which is not the source. */
async function openDecoder({ decoder }: Awaited<ReturnType<typeof load>>) {
  if (typeof decoder?.model !== "string") throw new Error("the decoder was not opened from a file");
  expect(readFileSync(decoder.model).equals(readFileSync(join(T5, "onnx/decoder_model_merged.onnx")))).toBe(false);
  return openModel(decoder.model);
}
