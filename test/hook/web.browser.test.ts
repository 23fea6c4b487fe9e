/** Loading with `prune` in a page: the host's pipeline over onnxruntime-web, the browser's cache, files to take away. */
import { env, pipeline as hostPipeline } from "@huggingface/transformers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { cdp } from "vitest/browser";
import { openModel, writeModel } from "../../src/onnx/index.js";
import {
  evaluateModel,
  type PruneReport,
  type PruneToFilesOptions,
  pipeline,
  pruneToFiles,
  readWeight,
} from "../../src/web.js";

const MODEL = "austen-1.4m";
const PROMPT = "It was a fine morning, and";

beforeAll(() => {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = "/models/";
  (env.backends.onnx.wasm as { wasmPaths?: string }).wasmPaths = "/node_modules/onnxruntime-web/dist/";
});
beforeEach(async () => {
  env.localModelPath = "/models/";
  for (const name of await caches.keys()) await caches.delete(name);
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  for (const name of await caches.keys()) await caches.delete(name);
});

/** The part of Chromium's DevTools protocol that is used here. */
interface DevTools {
  send(
    method: "Storage.overrideQuotaForOrigin",
    parameters: { origin: string; quotaSize?: number | undefined },
  ): Promise<unknown>;
}

const calibration = { count: 4, length: 128 } as const;

async function generated(options: object): Promise<{ text: string; reports: PruneReport[] }> {
  const reports: PruneReport[] = [];
  const onReport = (report: PruneReport) => reports.push(report);
  const given = "prune" in options ? { ...options, prune: { ...(options.prune as object), onReport } } : options;
  const generate = await pipeline("text-generation", MODEL, { dtype: "fp32", ...given } as object);
  const [first] = (await generate(PROMPT, { max_new_tokens: 8, do_sample: false })) as { generated_text: string }[];
  await generate.dispose();
  return { text: first?.generated_text ?? "", reports };
}

describe.each([
  { device: "wasm", way: {}, by: "runtime" },
  { device: "webgpu", way: {}, by: "runtime" },
  { device: "wasm", way: { preset: "best" }, by: "runtime" },
  { device: "wasm", way: { method: "crepe" }, by: "cpu" },
  { device: "webgpu", way: { method: "crepe" }, by: "webgpu" },
] as const)("pipeline() in a page, on $device with $way", ({ device, way, by }) => {
  it("prunes, generates, and finds the model in the browser's cache the next time", async () => {
    const prune = { pattern: "2:4", ...way, calibration };
    const askers: string[] = [];
    const { requestAdapter } = GPU.prototype;
    const asked = vi.spyOn(GPU.prototype, "requestAdapter").mockImplementation(function (this: GPU, options) {
      askers.push(new Error().stack ?? "");
      return requestAdapter.call(this, options);
    });
    const first = await generated({ device, prune });
    expect(first.text.startsWith(PROMPT)).toBe(true);
    expect(first.reports).toHaveLength(1);
    expect(first.reports[0]).toMatchObject({
      fromCache: false,
      notes: [],
      zeros: 589_824,
      device: expect.stringContaining(by),
    });
    // Only the host's runtime asks for adapters; masks are computed on its device.
    expect(askers.length > 0).toBe(device === "webgpu");
    expect(askers.filter((stack) => /\/src\//.test(stack))).toEqual([]);
    asked.mockRestore();
    const second = await generated({ device, prune });
    expect(second.reports[0]).toMatchObject({ fromCache: true });
    expect(second.text).toBe(first.text);
  });
});

describe("in a page", () => {
  it("pipeline() without prune is the host's", async () => {
    const host = await hostPipeline("text-generation", MODEL, { dtype: "fp32", device: "wasm" });
    const [own] = (await host(PROMPT, { max_new_tokens: 8, do_sample: false })) as { generated_text: string }[];
    await host.dispose();
    expect((await generated({ device: "wasm" })).text).toBe(own?.generated_text);
  });

  it("evaluateModel() measures the model dense and pruned, and pruneToFiles() hands over the files of the latter", async () => {
    const text = await (await fetch("/models/austen-1.4m/persuasion.txt")).text();
    const prune = { pattern: "2:4", calibration } as const;
    const options = { text, length: 128, windows: 4, dtype: "fp32", device: "wasm" } as const;
    const dense = await evaluateModel(MODEL, options);
    const pruned = await evaluateModel(MODEL, { ...options, prune });
    expect(pruned.perplexity).toBeGreaterThan(dense.perplexity);
    const { reports, files } = await pruneToFiles(MODEL, { prune, dtype: "fp32", device: "wasm" });
    expect(reports[0]).toMatchObject({ file: "model", fromCache: true });
    expect([...files.keys()]).toEqual(expect.arrayContaining(["onnx/model.onnx", "config.json", "tokenizer.json"]));
    const { values } = await readWeight(files.get("onnx/model.onnx") as Blob, "layers.0.self_attn.q_proj");
    expect(values.filter((value) => value === 0).length).toBeGreaterThanOrEqual(values.length / 2);
  });

  it("a full storage costs the cache and not the load, and the report says so", async () => {
    const put = vi.spyOn(Cache.prototype, "put").mockImplementation(async (request) => {
      if (String(request).includes("transformers-prune")) throw new DOMException("no room", "QuotaExceededError");
    });
    const { reports, text } = await generated({ device: "wasm", prune: { pattern: "2:4", method: "magnitude" } });
    put.mockRestore();
    expect(reports[0]?.notes).toEqual([expect.stringMatching(/^not cached: .*storage for this site is full/)]);
    expect(text.startsWith(PROMPT)).toBe(true);
  });

  it("so does the browser's own quota", async () => {
    const quota = (quotaSize?: number) =>
      (cdp() as unknown as DevTools).send("Storage.overrideQuotaForOrigin", { origin: location.origin, quotaSize });
    await quota(1_000_000);
    try {
      const { reports } = await generated({ device: "wasm", prune: { pattern: "2:4", method: "magnitude" } });
      expect(reports[0]?.notes).toEqual([expect.stringMatching(/^not cached: .*storage for this site is full/)]);
    } finally {
      await quota();
    }
    expect(await (await caches.open("transformers-prune")).keys()).toEqual([]);
  });

  it("a browser that gives no storage costs the cache and not the load, and the report says so", async () => {
    const refused = vi.spyOn(globalThis, "caches", "get").mockImplementation(() => {
      throw new DOMException("sandboxed", "SecurityError");
    });
    const useBrowserCache = env.useBrowserCache;
    env.useBrowserCache = false; // with it the host's own load fails in such a page
    const { reports } = await generated({
      device: "wasm",
      prune: { pattern: "2:4", calibration, cache: "some-cache" },
    });
    env.useBrowserCache = useBrowserCache;
    refused.mockRestore();
    expect(reports[0]?.notes).toEqual([expect.stringMatching(/^not cached: .*no storage \(sandboxed\)/)]);
  });

  it("session files have the names that maps use, and a model of several is calibrated by running it", async () => {
    env.localModelPath = "/test/fixtures/";
    const reports: PruneReport[] = [];
    const half = {
      pattern: "2:4",
      calibration: { count: 2 },
      onReport: (one: PruneReport) => reports.push(one),
    } as const;
    const ready: string[] = [];
    const options = {
      dtype: "fp32",
      device: "wasm",
      prune: { encoder_model: half, decoder_model_merged: half },
    } as const;
    const progress_callback = ({ status }: { status: string }) => {
      if (status === "ready") ready.push(`after ${reports.length} reports`);
    };
    const load = () => pipeline("text2text-generation", "tiny-t5", { ...options, progress_callback });
    const generate = await load();
    expect(await generate("a", { max_new_tokens: 2 })).toHaveLength(1);
    await generate.dispose();
    expect(reports.map(({ file, fromCache }) => [file, fromCache]).sort()).toEqual([
      ["decoder_model_merged", false],
      ["encoder_model", false],
    ]);
    await (await load()).dispose();
    expect(reports.slice(2).map(({ fromCache }) => fromCache)).toEqual([true, true]);
    expect(ready).toEqual(["after 2 reports", "after 4 reports"]);
    env.localModelPath = "/models/";
  });

  it("masks of each session file are computed where the file runs", async () => {
    env.localModelPath = "/test/fixtures/";
    const { reports } = await pruneToFiles("tiny-t5", {
      prune: { pattern: "2:4", method: "crepe", calibration: { count: 2 }, cache: false },
      dtype: "fp32",
      device: { encoder_model: "wasm", decoder_model_merged: "webgpu" },
    } as PruneToFilesOptions);
    env.localModelPath = "/models/";
    expect(reports.map(({ file, device }) => [file, device.replace(/ .*/, "")])).toEqual([
      ["decoder_model_merged", "webgpu"],
      ["encoder_model", "cpu"],
    ]);
  });

  it("pruneToFiles() takes a model of several sessions, too, and calibrates it by running it", async () => {
    env.localModelPath = "/test/fixtures/";
    const prune = { pattern: "2:4", calibration: { count: 2 } } as const;
    const { reports, files } = await pruneToFiles("tiny-t5", { prune, dtype: "fp32", device: "wasm" });
    env.localModelPath = "/models/";
    expect(reports.map(({ file }) => file)).toEqual(["decoder_model_merged", "encoder_model"]);
    expect([...files.keys()].sort()).toEqual([
      "config.json",
      "generation_config.json",
      "onnx/decoder_model_merged.onnx",
      "onnx/encoder_model.onnx",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
  });

  it("pruneToFiles() gives no files without the side files that a server failed to give", async () => {
    const { fetch } = env;
    const prune = { pattern: "2:4", method: "magnitude" } as const;
    const answering = (name: string, response: () => Promise<Response>) => {
      env.useBrowserCache = false;
      env.fetch = (address, ...rest) => (String(address).endsWith(name) ? response() : fetch(address, ...rest));
      return pruneToFiles(MODEL, { prune, dtype: "fp32", device: "wasm" }).finally(() => {
        Object.assign(env, { fetch, useBrowserCache: true });
      });
    };
    const page = async () => new Response("<!DOCTYPE html><title>An application</title>");
    const { files } = await answering("chat_template.jinja", page);
    expect([...files.keys()]).not.toContain("chat_template.jinja");
    const busy = async () => new Response("later", { status: 429 });
    await expect(answering("chat_template.jinja", busy)).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringMatching(/has a chat_template\.jinja: .*status 429/),
    });
    const offline = () => Promise.reject<Response>(new TypeError("Failed to fetch"));
    await expect(answering("generation_config.json", offline)).rejects.toMatchObject({ name: "PruneError" });
  });

  it("two loads at once of one model do the work once, and both generate", async () => {
    const reports: PruneReport[] = [];
    const prune = { pattern: "2:4", calibration, onReport: (one: PruneReport) => reports.push(one) } as const;
    const load = () => pipeline("text-generation", MODEL, { dtype: "fp32", device: "wasm", prune });
    const both = await Promise.all([load(), load()]);
    expect(reports.map(({ fromCache }) => fromCache)).toEqual([false, true]);
    const texts: unknown[] = [];
    for (const generate of both) texts.push(await generate(PROMPT, { max_new_tokens: 8, do_sample: false }));
    expect(texts[0]).toEqual([{ generated_text: expect.stringContaining(PROMPT) }]);
    expect(texts[1]).toEqual(texts[0]);
    for (const generate of both) await generate.dispose();
  });

  it("an abort while the model is pruned ends the load with the signal's reason, and the next one works", async () => {
    const controller = new AbortController();
    const reason = new Error("the user went away");
    const prune = { pattern: "2:4", calibration } as const;
    const aborted = generated({
      device: "wasm",
      prune: { ...prune, signal: controller.signal },
      progress_callback: ({ status, stage }: { status: string; stage?: string }) => {
        if (status === "prune" && stage === "calibrate") controller.abort(reason);
      },
    });
    await expect(aborted).rejects.toBe(reason);
    expect(await (await caches.open("transformers-prune")).keys()).toEqual([]);
    const { reports, text } = await generated({ device: "wasm", prune });
    expect(reports[0]).toMatchObject({ fromCache: false });
    expect(text.startsWith(PROMPT)).toBe(true);
  });

  it("a load that fails half-way says why, and the next one is not disturbed", async () => {
    const failing = pipeline("text-generation", MODEL, {
      dtype: "fp32",
      device: "wasm",
      prune: { include: ["no_such_weight"] },
    });
    await expect(failing).rejects.toMatchObject({ name: "PruneError" });
    expect((await generated({ device: "wasm", prune: { method: "magnitude", pattern: "2:4" } })).reports).toHaveLength(
      1,
    );
  });

  it("external data comes in memory, and stays beside the file in the cache", async () => {
    const parts = new Map<string, BlobPart[]>();
    const onnx = await openModel(await (await fetch(`/models/${MODEL}/onnx/model.onnx`)).blob());
    const sink = {
      write: async (name: string, chunk: Uint8Array) => {
        parts.set(name, [...(parts.get(name) ?? []), chunk.slice() as Uint8Array<ArrayBuffer>]);
      },
    };
    await writeModel(onnx, {}, sink, { fileName: "model.onnx", external: "always" });
    expect([...parts.keys()].sort()).toEqual(["model.onnx", "model.onnx_data"]);
    env.useCustomCache = true;
    env.customCache = {
      match: async (url: string) => {
        const found = parts.get(url.replace(/^.*\//, ""));
        const blob = found && new Blob(found);
        // Else the host takes the size that it remembers of the model's own file.
        return blob && new Response(blob, { headers: { "content-length": String(blob.size) } });
      },
      put: async () => {},
    };
    const prune = { method: "wanda", pattern: "2:4", calibration } as const;
    const whole = { device: "wasm", prune: { ...prune, cache: false }, use_external_data_format: true };
    const inMemory = await generated(whole);
    const [first, second] = [await generated({ ...whole, prune }), await generated({ ...whole, prune })];
    env.useCustomCache = false;
    env.customCache = null;
    expect([first, second].map(({ reports: [report] }) => report?.fromCache)).toEqual([false, true]);
    expect([first.text, second.text]).toEqual([inMemory.text, inMemory.text]);
    expect((await generated({ device: "wasm", prune: { ...prune, cache: false } })).text).toBe(inMemory.text);
    const kept = await (await caches.open("transformers-prune")).keys();
    expect(kept.map(({ url }) => url.replace(/^.*\//, "")).sort()).toEqual([
      "model.onnx",
      "model.onnx_data",
      "prune.json",
    ]);
  });
});
