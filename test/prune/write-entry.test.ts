import { createHash } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ProgressEvent } from "../../src/progress.js";
import { maskBySamples, openPlan, ProgressMeter, planKey, writeEntry } from "../../src/prune/index.js";
import { FolderDraft, readEntry, sourceHasher } from "../../src/store/folders.js";
import { VERSION } from "../../src/version.js";
import { openCpu } from "../helpers/cpu-device.js";
import { disk, emptyDisk } from "../helpers/full-disk.js";
import { float32 } from "../helpers/model.js";
import { int64s, testRuntime } from "../helpers/runtime.js";
import { CHANNELS, folderWithModel, languageModel, resolved, TOKENS } from "./tiny.js";

vi.mock("node:fs/promises", async (importOriginal) =>
  (await import("../helpers/full-disk.js")).fullDisk(importOriginal),
);

const runtime = testRuntime();
/** Large enough to be written in several chunks of 4 MB. */
const LARGE = 600_000;
const spec = {
  ...languageModel(),
  initializers: [
    ...(languageModel().initializers ?? []),
    float32("unused", [LARGE, CHANNELS], new Float32Array(LARGE * CHANNELS).fill(1)),
  ],
};

let place: Awaited<ReturnType<typeof folderWithModel>>;
let out: string;
beforeEach(async () => {
  place = await folderWithModel(spec);
  out = join(place.folder, "out");
});
afterEach(async () => {
  emptyDisk();
  await place.remove();
});

async function prune(listen: (event: ProgressEvent) => void = () => {}, signal?: AbortSignal) {
  const option = { method: "wanda", sparsity: 0.5, calibration: { tokens: TOKENS }, ...(signal && { signal }) };
  const plan = await openPlan({ input: place.path, name: "model" }, resolved(option));
  const services = {
    runtime,
    sessionOptions: {},
    tokenizer: () => Promise.reject(new Error("no text")),
    openDevice: openCpu,
  };
  const meter = new ProgressMeter(listen, "model", { calibrated: true, updated: false, passes: 1 });
  try {
    const [masked] = await maskBySamples([plan], services, () => meter);
    const key = await planKey(plan, sourceHasher(null));
    if (masked === undefined || key === null) throw new Error("no masks or no key");
    return await writeEntry({
      draft: await FolderDraft.create(out),
      subfolder: "onnx",
      key,
      files: [{ ...masked, meter, notes: ["a note"] }],
      addFiles: (draft) => draft.write("config.json", "{}"),
      runBy: { host: "4.3.1" },
    });
  } finally {
    await plan.model.onnx.close();
  }
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("a pruned model in its folder", () => {
  it("is complete, runs, and has the zeros that its report says", async () => {
    const source = sha256(await readFile(place.path));
    const [report] = await prune();
    expect((await readdir(out)).sort()).toEqual(["config.json", "onnx", "prune.json"]);
    expect(report).toMatchObject({
      file: "model",
      method: "wanda",
      pattern: "50% by row",
      coefficients: {},
      passes: 1,
      calibration: "3 samples of token ids",
      zeros: 512,
      prunable: 1024,
      notes: ["a note"],
      fromCache: false,
    });
    expect(report?.weights).toMatchObject([
      { name: "layers.0.mlp.fc1", shape: [32, 16], zeros: 256, sparsity: 0.5, tokens: 63 },
      { name: "layers.0.mlp.fc2", shape: [16, 32], zeros: 256, sparsity: 0.5, tokens: 63 },
    ]);
    for (const { retained } of report?.weights ?? []) {
      expect(retained).toBeGreaterThan(0.5); // The larger half of the scores holds more than half of them.
      expect(retained).toBeLessThan(1);
    }
    expect(report?.skipped.map(({ name }) => name)).toEqual(["embeddings", "lm_head"]);
    const written = await readFile(join(out, "onnx", "model.onnx"));
    expect(report?.bytes).toEqual({ source: written.length, written: written.length });
    const { total = 0, ...phases } = report?.seconds ?? {};
    expect(total).toBeCloseTo(Object.values(phases).reduce((a, b) => a + b, 0));

    const session = await runtime.open(join(out, "onnx", "model.onnx"), {});
    const ids = int64s(runtime, [1, 2], [1, 2]);
    expect(await session.run({ input_ids: ids, attention_mask: ids })).toHaveProperty("logits");
    await session.release();
    expect(sha256(await readFile(place.path))).toBe(source);
  });

  it("has a record of options, source, files and report, by which it is known again", async () => {
    const reports = await prune();
    const record = await readEntry(out, null, null);
    expect(record).toMatchObject({ format: 2, version: VERSION, reports: JSON.parse(JSON.stringify(reports)) });
    expect(record?.source).toEqual({ "model.onnx": sha256(await readFile(place.path)) });
    expect(record?.options).toMatchObject({ method: "wanda", passes: 1 });
    for (const { name, bytes, sha256: hash } of record?.files ?? []) {
      const content = await readFile(join(out, name));
      expect([content.length, sha256(content)]).toEqual([bytes, hash]);
    }
    expect(record?.files.map(({ name }) => name).sort()).toEqual(["config.json", "onnx/model.onnx"]);
    expect(await readEntry(out, record?.key ?? "", null)).toEqual(record);
  });

  it("reports progress to its end", async () => {
    const events: ProgressEvent[] = [];
    await prune((event) => events.push(event));
    const written = events.filter(({ phase }) => phase === "write");
    expect(written.length).toBeGreaterThan(5);
    expect(new Set(written.map(({ total }) => total))).toEqual(new Set([written.at(-1)?.done]));
    expect(events.at(-1)?.percent).toBe(100);
  });
});

describe("writing that fails leaves nothing, and the source as it was", () => {
  it("on a full disk", async () => {
    const source = sha256(await readFile(place.path));
    disk.free = 20_000_000;
    await expect(prune()).rejects.toMatchObject({ code: "storage", details: { code: "ENOSPC" } });
    expect(await readdir(place.folder)).toEqual(["model.onnx"]);
    expect(sha256(await readFile(place.path))).toBe(source);
    emptyDisk();
    expect(await prune()).toHaveLength(1);
  });

  it("on an abort between two chunks", async () => {
    const controller = new AbortController();
    const stop = ({ phase, done }: ProgressEvent) =>
      phase === "write" && done > 10_000_000 && controller.abort(new Error("enough"));
    await expect(prune(stop, controller.signal)).rejects.toThrow("enough");
    expect(await readdir(place.folder)).toEqual(["model.onnx"]);
  });

  it("when what stands there already is to be replaced, leaves that", async () => {
    await prune();
    const before = await readEntry(out, null, null);
    disk.free = 1_000_000;
    await expect(prune()).rejects.toMatchObject({ code: "storage" });
    expect(await readEntry(out, null, null)).toEqual(before);
  });

  it("a damaged entry is written again", async () => {
    await prune();
    await rm(join(out, "onnx", "model.onnx"));
    expect(await readEntry(out, null, null)).toBeNull();
    await prune();
    expect(await readEntry(out, null, null)).not.toBeNull();
  });
});
