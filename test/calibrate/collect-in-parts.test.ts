import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { collectInParts } from "../../src/calibrate/collect-in-parts.js";
import { collectStatistics, openSamples, type TargetStatistics } from "../../src/calibrate/index.js";
import { buildModel, findTargets, type Model } from "../../src/graph/index.js";
import { type ModelEdits, openModel, serializeModel } from "../../src/onnx/index.js";
import { resolvePruneOption } from "../../src/options/index.js";
import type { CalibrationOptions } from "../../src/options/types.js";
import { llamaBytes, llamaEdits } from "../helpers/llama.js";
import { DATA_TYPE, float32, ifNode, modelBytes, node, value } from "../helpers/model.js";
import { int64s, testRuntime } from "../helpers/runtime.js";
import { AUSTEN } from "../helpers/tokenizer.js";
import { expectClose } from "./reference.js";
import { LLAMA, TOKENS } from "./small-llama.js";

const opened: Model[] = [];
afterEach(async () => {
  for (const model of opened.splice(0)) await model.onnx.close();
});
async function modelFrom(input: Uint8Array | string): Promise<Model> {
  const model = buildModel(await openModel(input));
  opened.push(model);
  return model;
}

async function llama(): Promise<Model> {
  const empty = await openModel(llamaBytes(LLAMA));
  return modelFrom((await serializeModel(empty, { tensors: llamaEdits(empty, LLAMA) })).bytes);
}

// Other tests and processes keep their files in the system's own folder.
const temporary = mkdtempSync(join(tmpdir(), "collect-in-parts-"));
vi.stubEnv("TMPDIR", temporary);
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(temporary, { recursive: true });
});
const leftovers = () => readdirSync(tmpdir());

interface Way {
  readonly mostBytes?: number;
  readonly calibration?: CalibrationOptions;
  readonly tensors?: NonNullable<ModelEdits["tensors"]>;
}

async function collect(model: Model, { mostBytes, calibration = { tokens: TOKENS }, tensors = new Map() }: Way) {
  const resolved = resolvePruneOption({ calibration }).forFile("model");
  if (resolved === null) throw new Error("left dense");
  const runtime = testRuntime();
  const samples = await openSamples(resolved.calibration, () => Promise.reject(new Error("no text")), "model");
  const { targets } = findTargets(model);
  const options = { runtime, sessionOptions: {}, edits: { tensors } };
  const before = leftovers();
  try {
    return mostBytes === undefined
      ? { statistics: await collectStatistics(model, targets, samples, options, {}), parts: 0, largest: 0 }
      : await collectInParts(model, targets, samples, { ...options, mostBytes }, {});
  } finally {
    expect(runtime.openSessions()).toBe(0);
    expect(leftovers()).toEqual(before);
  }
}

const plain = (statistics: TargetStatistics) =>
  Object.fromEntries(
    [...statistics].map(([{ name }, { tokens, sum, sumOfSquares }]) => [name, { tokens, sum, sumOfSquares }]),
  );

describe("calibration in parts", () => {
  test.each([
    ["a Llama with grouped-query attention", llama, 6e5],
    ["a Llama as optimum exports it", () => modelFrom(`${AUSTEN}/onnx/model.onnx`), 2e6],
  ])("of %s has the statistics of the whole, bit for bit", async (_, open, mostBytes) => {
    const model = await open();
    const { statistics, parts, largest } = await collect(model, { mostBytes });
    expect(parts).toBeGreaterThan(2);
    expect(largest).toBeLessThanOrEqual(mostBytes);
    expect(plain(statistics)).toEqual(plain((await collect(model, {})).statistics));
  });

  test("runs on tensors that an earlier pass pruned", async () => {
    const model = await llama();
    const pruned = model.graph.onnx.initializers.filter(({ name }) => name.includes("gate_proj"));
    const byteLength = 4 * LLAMA.hidden * LLAMA.intermediate;
    const zeros = { kind: "bytes", byteLength, bytes: () => new Uint8Array(byteLength) } as const;
    const tensors = new Map(pruned.map((tensor) => [tensor, zeros]));
    const { statistics } = await collect(model, { tensors, mostBytes: 6e5 });
    const whole = await collect(model, { tensors });
    expect(plain(statistics)).toEqual(plain(whole.statistics));
    expect(plain(statistics)["layers.0.mlp.down_proj"]?.sum.every((sum) => sum === 0)).toBe(true);
  });

  test("counts a weight that is used in several parts and in the branches of an If", async () => {
    const [w, u] = ["w", "u"].map((name, k) => float32(name, [64, 64], squares(k)));
    if (w === undefined || u === undefined) throw new Error("no weights");
    const branch = (name: string) => ({
      nodes: [node("MatMul", ["b", "u"], [name])],
      outputs: [value(name, [null, 64])],
    });
    const bytes = modelBytes({
      inputs: [value("x", ["tokens", 64]), value("on", [1], DATA_TYPE.int64)],
      nodes: [
        node("MatMul", ["x", "w"], ["a"]),
        node("MatMul", ["a", "w"], ["b"]),
        node("Cast", ["on"], ["is_on"], { to: 9 }),
        ifNode("is_on", ["c"], branch("c1"), branch("c2")),
        node("MatMul", ["c", "w"], ["d"]),
      ],
      initializers: [w, u],
      outputs: [value("d", [null, 64])],
    });
    const model = await modelFrom(bytes);
    const runtime = testRuntime();
    const x = Float32Array.from({ length: 128 }, (_, i) => Math.sin(i));
    const feeds = [{ x: runtime.tensor("float32", x, [2, 64]), on: int64s(runtime, [1], [1]) }];
    const parted = await collect(model, { calibration: { feeds }, mostBytes: 1 });
    const whole = plain((await collect(model, { calibration: { feeds } })).statistics);
    expect(parted.parts).toBeGreaterThan(2);
    const statistics = plain(parted.statistics);
    expect(Object.keys(statistics)).toEqual(Object.keys(whole));
    for (const [name, own] of Object.entries(whole)) expectClose(statistics[name], own);
  });

  test("leaves nothing behind where a sample cannot be run", async () => {
    const feeds = [{ input_ids: 1 }];
    await expect(collect(await llama(), { calibration: { feeds }, mostBytes: 6e5 })).rejects.toMatchObject({
      code: "bad-calibration",
    });
  });
});

const squares = (k: number) => Array.from({ length: 64 * 64 }, (_, i) => Math.cos(i * (k + 1)) / 8);
