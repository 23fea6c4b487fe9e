/** Packed models by way of the host: exported, opened by stock transformers.js and by us, and kept in the cache. */
import { cpSync, existsSync, readdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as host from "@huggingface/transformers";
import { describe, expect, test } from "vitest";
import { textFeeds } from "../../src/calibrate/index.js";
import { hostRuntime, onnxRuntime } from "../../src/hook/host.js";
import { openUnpacked } from "../../src/hook/open-unpacked.js";
import { evaluateModel, inspectModel, type PruneReport, pipeline, pruneModel } from "../../src/index.js";
import type { RuntimeSession } from "../../src/runtime/index.js";
import { GPT2, sessions, T5, temporaryFolder } from "./loading.js";
import { externalise } from "./rewritten.js";

const PROMPT = "It was a fine morning, and";
const TEXT = PROMPT.repeat(40);
const words = { max_new_tokens: 12 } as const;
const bytesOf = (folder: string) => statSync(join(folder, "onnx/model.onnx")).size;

describe("encoding: packed", () => {
  test.each([{ sparsity: 0.5 }, { pattern: "2:4" }] as const)(
    "is exported in fewer bytes, and says the same words: %o",
    async (how) => {
      const [dense, packed] = [join(temporaryFolder(), "dense"), join(temporaryFolder(), "packed")];
      const prune = { method: "magnitude", ...how } as const;
      await pruneModel(GPT2, { prune, out: dense });
      const { reports } = await pruneModel(GPT2, { prune: { ...prune, encoding: "packed" }, out: packed });
      const [report] = reports as [PruneReport];
      const stored = report.weights.reduce((sum, { stored }) => sum + (stored?.bytes ?? 0), 0);
      const whole = report.weights.reduce((sum, { shape }) => sum + 4 * shape[0] * shape[1], 0);
      expect(report.weights.map(({ stored }) => stored?.encoding)).not.toContain("dense");
      expect(stored / whole).toBeLessThan(0.54);
      expect(report.bytes).toMatchObject({
        written: bytesOf(packed),
        compared: { dense: bytesOf(dense), packed: bytesOf(packed) },
      });
      expect(new Set(report.weights.map(({ sparsity }) => sparsity))).toEqual(new Set([0.5]));

      const said = async (folder: string, load: typeof host.pipeline) =>
        (await load("text-generation", folder))(PROMPT, words);
      const expected = await said(dense, host.pipeline);
      expect(await said(packed, host.pipeline)).toEqual(expected);
      expect(sessions.at(-1)?.model).toBe(join(packed, "onnx/model.onnx"));
      // Ours hands the runtime a model in which nothing is packed.
      expect(await said(packed, pipeline as typeof host.pipeline)).toEqual(expected);
      expect(sessions.at(-1)?.model).toBeInstanceOf(Uint8Array);
    },
  );

  test("works for several sessions, and for weights in files of their own", async () => {
    const source = temporaryFolder();
    cpSync(T5, source, { recursive: true });
    await externalise(join(source, "onnx/encoder_model.onnx"));
    const [dense, packed] = [join(temporaryFolder(), "dense"), join(temporaryFolder(), "packed")];
    await pruneModel(source, { prune: { method: "magnitude", pattern: "2:4" }, out: dense });
    await pruneModel(source, { prune: { method: "magnitude", pattern: "2:4", encoding: "packed" }, out: packed });
    const said = async (folder: string, load: typeof host.pipeline) =>
      (await load("text2text-generation", folder))(PROMPT, words);
    const expected = await said(dense, host.pipeline);
    expect(await said(packed, host.pipeline)).toEqual(expected);
    expect(await said(packed, pipeline as typeof host.pipeline)).toEqual(expected);
  });

  test("is expanded in files of a temporary folder where memory cannot hand it over, which are gone at once", async () => {
    const out = join(temporaryFolder(), "packed");
    await pruneModel(GPT2, { prune: { method: "magnitude", sparsity: 0.5, encoding: "packed" }, out });
    const path = join(out, "onnx/model.onnx");
    const { InferenceSession } = onnxRuntime();
    const runtime = hostRuntime((model, options) => InferenceSession.create(model, options));
    const logitsOf = async (session: RuntimeSession) => {
      const { logits } = await session.run(textFeeds(runtime, session, [[1, 2, 3, 4]], "model"));
      await session.release();
      return logits?.data;
    };
    const expected = await logitsOf(await runtime.open(path, {}));
    const session = await openUnpacked(path, {}, (model, options) => runtime.open(model as string, options), 0);
    const opened = sessions.at(-1)?.model as string;
    expect(opened.startsWith(tmpdir()) && !opened.startsWith(out)).toBe(true);
    expect(existsSync(dirname(opened))).toBe(false);
    expect(await logitsOf(session)).toEqual(expected);
  });

  test("keeps the cached model packed, and opens it expanded", async () => {
    const cache = temporaryFolder();
    const load = async (encoding: "dense" | "packed") => {
      const reports: PruneReport[] = [];
      const onReport = (report: PruneReport) => reports.push(report);
      const prune = { method: "magnitude", sparsity: 0.5, cache, encoding, onReport } as const;
      const generate = await pipeline("text-generation", GPT2, { prune });
      return { said: await generate(PROMPT, words), report: reports[0] as PruneReport };
    };
    const [dense, packed, again] = [await load("dense"), await load("packed"), await load("packed")];
    expect(packed.said).toEqual(dense.said);
    expect(again.said).toEqual(dense.said);
    expect([packed.report.fromCache, again.report.fromCache]).toEqual([false, true]);
    expect(packed.report.bytes.written).toBeLessThan(dense.report.bytes.written);
    expect(readdirSync(cache).filter((name) => name.startsWith("model-"))).toHaveLength(2);
  });

  test("is inspected and evaluated as the dense model is, and not pruned again", async () => {
    const [dense, packed] = [join(temporaryFolder(), "dense"), join(temporaryFolder(), "packed")];
    const prune = { method: "magnitude", sparsity: 0.5 } as const;
    await pruneModel(GPT2, { prune, out: dense });
    const { reports } = await pruneModel(GPT2, { prune: { ...prune, encoding: "packed" }, out: packed });

    const [expected, inspected] = [await inspectModel(dense), await inspectModel(packed)];
    const [denseFile, packedFile] = [expected.files[0], inspected.files[0]];
    expect(packedFile).toMatchObject({
      bytes: bytesOf(packed),
      parameters: denseFile?.parameters,
      dense: denseFile?.dense,
    });
    const reported = new Map(reports[0]?.weights.map(({ name, stored }) => [name, stored]));
    expect(packedFile?.weights).toEqual(
      denseFile?.weights.map((weight) => ({ ...weight, stored: reported.get(weight.name) })),
    );

    const evaluate = (folder: string) => evaluateModel(folder, { text: TEXT, length: 32, windows: 2 });
    const [ofDense, ofPacked] = [await evaluate(dense), await evaluate(packed)];
    expect(ofPacked.perplexity).toBe(ofDense.perplexity);
    // The runtime got nothing to fold: all expanded weights are in the bytes that it was given.
    expect(sessions.at(-1)?.model.length).toBeGreaterThan(bytesOf(packed));

    const again = { prune: { method: "magnitude", sparsity: 0.7 }, out: join(temporaryFolder(), "again") } as const;
    await expect(pruneModel(packed, again)).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(
        /model\.onnx is packed already: weight ".+" and \d+ others; prune the file that it was made from/,
      ),
    });
  });

  test("says so where nothing is kept that could be packed", async () => {
    const reports: PruneReport[] = [];
    const onReport = (report: PruneReport) => void reports.push(report);
    await pipeline("text-generation", GPT2, {
      prune: { method: "magnitude", sparsity: 0.5, cache: false, encoding: "packed", onReport },
    });
    expect(reports[0]?.notes).toEqual([expect.stringContaining("not packed")]);
  });
});

test("compareBytes measures what compression makes of the dense file", async () => {
  const prune = { method: "magnitude", sparsity: 0.5, compareBytes: true } as const;
  const out = join(temporaryFolder(), "dense");
  const [report] = (await pruneModel(GPT2, { prune, out })).reports;
  const { written = 0, compared } = report?.bytes ?? {};
  expect(compared).toMatchObject({ dense: written, compressed: { gzip: { level: 6 }, brotli: { level: 5 } } });
  const { packed, compressed } = compared ?? {};
  for (const bytes of [packed ?? 0, compressed?.gzip.bytes ?? 0, compressed?.brotli.bytes ?? 0]) {
    expect(bytes).toBeLessThan(written);
    expect(bytes).toBeGreaterThan(written / 3);
  }
});
