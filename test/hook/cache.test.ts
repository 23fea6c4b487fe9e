import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "@huggingface/transformers";
import { afterEach, describe, expect, test } from "vitest";
import { type PruneOptions, type PruneReport, pipeline } from "../../src/index.js";
import { AUSTEN, BERT, fileOf, SHORT, sessions, sparsities, temporaryFolder } from "./loading.js";

/** Loads and returns the report. */
async function load(options: PruneOptions, model = BERT): Promise<PruneReport> {
  let report: PruneReport | undefined;
  const pipe = await pipeline("feature-extraction", model, {
    prune: { pattern: "2:4", calibration: SHORT, onReport: (one) => (report = one), ...options } as PruneOptions,
  });
  await pipe.dispose();
  if (report === undefined) throw new Error("no report");
  return report;
}

const entriesOf = (folder: string) =>
  existsSync(folder) ? readdirSync(folder).filter((name) => /^model/.test(name)) : [];

describe("the cache", () => {
  test("gives the second load the first one's result, with no calibration", async () => {
    const cache = temporaryFolder();
    const first = await load({ cache });
    sessions.length = 0;
    const second = await load({ cache });
    expect(second).toEqual({ ...first, fromCache: true });
    expect(sessions).toHaveLength(1);
    expect(sessions[0]?.model).toMatch(new RegExp(`^${cache}/model-[0-9a-f]{32}/model\\.onnx$`));
    expect(entriesOf(cache)).toHaveLength(1);
  });

  test("is not taken for a model whose tokenizer changed, for the same text is other tokens then", async () => {
    const [cache, model] = [temporaryFolder(), join(temporaryFolder(), "bert")];
    cpSync(BERT, model, { recursive: true });
    await load({ cache }, model);
    expect((await load({ cache }, model)).fromCache).toBe(true);
    writeFileSync(join(model, "tokenizer.json"), `${readFileSync(join(model, "tokenizer.json"), "utf8")}\n`);
    expect((await load({ cache }, model)).fromCache).toBe(false);
  });

  test("lies in the host's own cache folder unless told otherwise", async () => {
    const given = temporaryFolder();
    const prune = { pattern: "2:4", calibration: SHORT } as const;
    await pipeline("feature-extraction", BERT, { cache_dir: given, prune });
    expect(entriesOf(join(given, "transformers-prune"))).toHaveLength(1);
    await pipeline("feature-extraction", BERT, { prune });
    expect(entriesOf(join(env.cacheDir as string, "transformers-prune"))).toHaveLength(1);
  });

  test("keeps another entry for other options", async () => {
    const cache = temporaryFolder();
    const base = { pattern: "2:4", method: "crepe", calibration: SHORT, cache } as const;
    const others: readonly PruneOptions[] = [
      base,
      { ...base, method: "wanda" },
      { ...base, pattern: "1:4" },
      { ...base, coefficients: { row: 0.5, column: 0.5, window: 0, size: 1, power: 0.5 } },
      { ...base, exclude: "*.query" },
      { ...base, passes: 2 },
      { ...base, calibration: { count: 1, length: 64 } },
      { ...base, calibration: { ...SHORT, texts: "Another text of a few words, which is long enough." } },
    ];
    for (const [index, options] of others.entries()) {
      expect((await load(options)).fromCache, JSON.stringify(options)).toBe(false);
      expect(entriesOf(cache)).toHaveLength(index + 1);
    }
  });

  test.each<[string, (folder: string) => void]>([
    ["a model that is cut short", (folder) => writeFileSync(join(folder, "model.onnx"), "onnx")],
    ["a model of another content", (folder) => flipByte(join(folder, "model.onnx"))],
    ["a model that is gone", (folder) => rmSync(join(folder, "model.onnx"))],
    ["a record that is no JSON", (folder) => writeFileSync(join(folder, "prune.json"), "{")],
  ])("makes an entry with %s again", async (_, damage) => {
    const cache = temporaryFolder();
    await load({ cache });
    const [entry] = entriesOf(cache);
    damage(join(cache, entry as string));

    expect((await load({ cache })).fromCache).toBe(false);
    expect(new Set((await sparsities(sessions.at(-1) as never)).values())).toEqual(new Set([0.5]));
    expect((await load({ cache })).fromCache).toBe(true);
    expect(entriesOf(cache)).toHaveLength(1);
  });

  test("is not touched with cache: false", async () => {
    const before = readdirSync(env.cacheDir as string, { recursive: true });
    const report = await load({ cache: false, method: "ria" });
    expect(report).toMatchObject({ fromCache: false, notes: [], bytes: { written: 0 } });
    expect(fileOf(sessions.at(-1) as never)).toBe("bytes");
    expect(new Set((await sparsities(sessions.at(-1) as never)).values())).toEqual(new Set([0.5]));
    expect(readdirSync(env.cacheDir as string, { recursive: true })).toEqual(before);
  });

  test("does the work once for two loads at the same time", async () => {
    const cache = temporaryFolder();
    const reports = await Promise.all([load({ cache }, AUSTEN), load({ cache }, AUSTEN)]);
    expect(reports.map(({ fromCache }) => fromCache).sort()).toEqual([false, true]);
  });

  describe("where the host keeps nothing on disk", () => {
    const { cacheDir, useFSCache } = env;
    afterEach(() => Object.assign(env, { cacheDir, useFSCache }));

    test("is left out, and the report says so", async () => {
      env.useFSCache = false;
      const report = await load({ method: "wanda" });
      expect(report.notes).toEqual([expect.stringContaining("env.useFSCache")]);
    });
  });
});

function flipByte(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
  writeFileSync(path, bytes);
}
