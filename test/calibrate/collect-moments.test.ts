import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { collectMoments, collectStatistics, MomentCollector, planMoments } from "../../src/calibrate/index.js";
import { buildModel, findTargets } from "../../src/graph/index.js";
import { diagonalOf, packedIndex, type SecondMoments } from "../../src/linalg/second-moments.js";
import { openModel, type TensorEdit } from "../../src/onnx/index.js";
import { openEdited } from "../../src/runtime/index.js";
import type { ChannelStatistics } from "../../src/score/index.js";
import {
  bytesOf,
  DATA_TYPE,
  float16,
  float32,
  ifNode,
  type ModelSpec,
  modelBytes,
  node,
  toFloat16Bits,
  value,
} from "../helpers/model.js";
import { floats, int64s, testRuntime } from "../helpers/runtime.js";
import { expectClose, type Feeds, outputRows, type Rows, rowsOf, samplesOf } from "./reference.js";

const runtime = testRuntime();
afterEach(() => expect(runtime.openSessions()).toBe(0));

const C = 4;
const series = (count: number, seed: number) =>
  Array.from({ length: count }, (_, k) => Math.sin((k + 1) * (seed + 1.3)) * 2);
const weight = (name: string, seed: number, outputs = C) => float32(name, [C, outputs], series(C * outputs, seed));
const batch = (tokens: number, seed: number, count = 1) => ({
  x: floats(runtime, series(count * tokens * C, seed), [count, tokens, C]),
});

/** x → q, k (one input) → q + k → Relu → o */
const attention = (opset = 18): ModelSpec => ({
  opset,
  inputs: [value("x", ["batch", "tokens", C])],
  nodes: [
    node("MatMul", ["x", "q"], ["xq"]),
    node("MatMul", ["x", "k"], ["xk"]),
    node("Add", ["xq", "xk"], ["qk"]),
    node("Relu", ["qk"], ["h"]),
    node("MatMul", ["h", "o"], ["y"]),
  ],
  initializers: [weight("q", 1), weight("k", 2), weight("o", 4, 2)],
  outputs: [value("h", ["batch", "tokens", C]), value("y", ["batch", "tokens", 2])],
});

async function momentsOf(
  spec: ModelSpec,
  feeds: readonly Feeds[],
  { padding = true, tensors = {} as Record<string, TensorEdit>, ...control } = {} as {
    padding?: boolean;
    tensors?: Record<string, TensorEdit>;
    signal?: AbortSignal;
    onSample?: (done: number) => void;
  },
): Promise<Readonly<Record<string, SecondMoments>>> {
  const model = buildModel(await openModel(modelBytes(spec), { name: "tiny" }));
  const { targets } = findTargets(model);
  const edits = new Map(
    targets.flatMap(({ tensor }) => (tensors[tensor.name] ? [[tensor, tensors[tensor.name] as TensorEdit]] : [])),
  );
  const options = { runtime, sessionOptions: {}, edits: { tensors: edits } };
  const moments = await collectMoments(model, targets, samplesOf(feeds, padding), options, control);
  return Object.fromEntries([...moments].map(([target, own]) => [target.tensor.name, own]));
}

/** Expects tokens, sums and X^T X of the rows, as far as float32 sums within a run go. */
function expectMoments(moments: SecondMoments | undefined, rows: Rows): void {
  const channels = rows[0]?.length as number;
  const all = Array.from({ length: channels }, (_, k) => k);
  const product = (i: number, j: number) => rows.reduce((sum, row) => sum + (row[i] as number) * (row[j] as number), 0);
  const largest = Math.max(1, ...all.map((i) => product(i, i)));
  expect(moments).toMatchObject({ channels, tokens: rows.length });
  const near = (found: number | undefined, expected: number) =>
    expect(Math.abs((found as number) - expected)).toBeLessThanOrEqual(2e-6 * largest);
  for (const i of all) {
    near(
      moments?.sum[i],
      rows.reduce((sum, row) => sum + (row[i] as number), 0),
    );
    for (const j of all.slice(i)) near(moments?.packed[packedIndex(channels, i, j)], product(i, j));
  }
}

describe("second moments are the sums and X^T X of the activations", () => {
  it.each([11, 13, 18, 21])("in operator set %i, over several runs", async (opset) => {
    const feeds = [batch(3, 5), batch(2, 6, 2), batch(1, 7)];
    const done: number[] = [];
    const { h = [] } = await outputRows(runtime, attention(opset), feeds);
    const moments = await momentsOf(attention(opset), feeds, { onSample: (count) => done.push(count) });
    expectMoments(
      moments.q,
      feeds.flatMap(({ x }) => rowsOf(x)),
    );
    expectMoments(moments.o, h);
    expect(moments.k).toBe(moments.q);
    expect(done).toEqual([1, 2, 3]);
  });

  it("of any number of tokens, in any number of runs", async () => {
    const channel = fc.integer({ min: -800, max: 800 }).map((value) => value / 97);
    const token = fc.array(channel, { minLength: C, maxLength: C });
    const runs = fc.array(fc.array(token, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(runs, async (all) => {
        const feeds = all.map((rows) => ({ x: floats(runtime, rows.flat(), [1, rows.length, C]) }));
        expectMoments((await momentsOf(attention(), feeds)).q, all.flat());
      }),
      { numRuns: 15 },
    );
  });

  it("of thousands of tokens as exactly as of a run's: sums over runs are float64", async () => {
    // In float32, 1 added to 2^24 is lost.
    const first = batch(1, 1);
    (first.x.data as Float32Array).fill(4096);
    const ones = { x: floats(runtime, new Float32Array(C).fill(1), [1, 1, C]) };
    const { q } = await momentsOf(attention(), [first, ...new Array(500).fill(ones)]);
    expect(q?.packed[packedIndex(C, 0, 2)]).toBe(2 ** 24 + 500);
    expect(q?.sum[2]).toBe(4096 + 500);
  });

  it("whose diagonal is what taps count", async () => {
    const feeds = [batch(7, 3), batch(2, 6, 2)];
    const model = buildModel(await openModel(modelBytes(attention())));
    const { targets } = findTargets(model);
    const options = { runtime, sessionOptions: {}, edits: {} };
    const statistics = await collectStatistics(model, targets, samplesOf(feeds), options, {});
    const moments = await collectMoments(model, targets, samplesOf(feeds), options, {});
    for (const [target, own] of moments) {
      const { tokens, sum } = own;
      const counted = statistics.get(target) as ChannelStatistics;
      expectClose({ tokens, sum, sumOfSquares: diagonalOf(own) }, counted);
    }
  });

  it("of runs in which no token reaches a layer", async () => {
    const feeds = [{ x: floats(runtime, [], [1, 0, C]) }, batch(3, 5), { x: floats(runtime, [], [0, 2, C]) }];
    expectMoments((await momentsOf(attention(), feeds)).q, rowsOf(batch(3, 5).x));
  });

  it("beside the outputs of a model that somebody else runs", async () => {
    const model = buildModel(await openModel(modelBytes(attention())));
    const { taps, edits } = planMoments(model, findTargets(model).targets, { padding: true, keepOutputs: true });
    const collector = new MomentCollector(taps);
    const session = await openEdited(runtime, model.onnx, edits, {});
    const outputs = await session.run(batch(3, 5));
    await session.release();
    collector.add(outputs);
    expect(Object.keys(outputs).filter((name) => !collector.outputNames.has(name))).toEqual(["h", "y"]);
    const [first] = collector.moments().values();
    expectMoments(first, rowsOf(batch(3, 5).x));
  });

  it("of the branch of an If that runs, which may lie in a branch itself", async () => {
    const inner = (name: string, act: string, seed: number) => ({
      nodes: [node(act, ["x"], [`h_${name}`]), node("MatMul", [`h_${name}`, name], [`y_${name}`])],
      initializers: [weight(name, seed)],
      outputs: [value(`y_${name}`, ["batch", "tokens", C])],
    });
    const outer = {
      nodes: [ifNode("c", ["z"], inner("w1", "Abs", 1), inner("w2", "Neg", 2))],
      outputs: [value("z", ["batch", "tokens", C])],
    };
    const spec: ModelSpec = {
      inputs: [value("x", ["batch", "tokens", C]), value("c", [1], 9), value("d", [1], 9)],
      nodes: [ifNode("d", ["y"], outer, inner("w3", "Relu", 3))],
      outputs: [value("y", ["batch", "tokens", C])],
    };
    const bool = (on: number) => runtime.tensor("bool", Uint8Array.of(on), [1]);
    const runs = [
      { ...batch(3, 5), c: bool(1), d: bool(1) },
      { ...batch(2, 6), c: bool(0), d: bool(1) },
      { ...batch(4, 7), c: bool(0), d: bool(0) },
    ];
    const { w1, w2, w3 } = await momentsOf(spec, runs);
    const [a, b, c] = runs.map(({ x }) => rowsOf(x)) as [number[][], number[][], number[][]];
    const mapped = (rows: number[][], by: (value: number) => number) => rows.map((row) => row.map(by));
    expectMoments(w1, mapped(a, Math.abs));
    expectMoments(
      w2,
      mapped(b, (x) => -x),
    );
    expectMoments(
      w3,
      mapped(c, (x) => Math.max(x, 0)),
    );
  });

  it("of both inputs together where a weight is used twice", async () => {
    const twice: ModelSpec = {
      inputs: [value("x", ["batch", "tokens", C])],
      nodes: [node("MatMul", ["x", "w"], ["a"]), node("Tanh", ["a"], ["t"]), node("MatMul", ["t", "w"], ["y"])],
      initializers: [weight("w", 1)],
      outputs: [value("t", ["batch", "tokens", C]), value("y", ["batch", "tokens", C])],
    };
    const feeds = [batch(3, 2), batch(2, 3)];
    const { t = [] } = await outputRows(runtime, twice, feeds);
    const { w } = await momentsOf(twice, feeds);
    expectMoments(w, [...feeds.flatMap(({ x }) => rowsOf(x)), ...t]);
  });

  it("of float16 activations whose squares float16 cannot hold", async () => {
    const spec: ModelSpec = {
      inputs: [value("x", ["batch", "tokens", 2], DATA_TYPE.float16)],
      nodes: [node("MatMul", ["x", "w"], ["y"])],
      initializers: [float16("w", [2, 2], [1, 0, 0, 1])],
      outputs: [value("y", ["batch", "tokens", 2], DATA_TYPE.float16)],
    };
    const rows = [
      [300, -60000],
      [1, 40000],
    ];
    const x = runtime.tensor("float16", Uint16Array.from(rows.flat(), toFloat16Bits), [1, 2, 2]);
    expectMoments((await momentsOf(spec, [{ x }])).w, rows);
  });

  it("of the model with the tensors that an earlier pass pruned", async () => {
    const pruned = Float32Array.from(series(C * C, 1), (w, k) => (k % 2 === 0 ? w : 0));
    const edit = { kind: "bytes", byteLength: pruned.byteLength, bytes: () => bytesOf(pruned) } as const;
    const spec = attention();
    const sparse = { ...spec, initializers: [float32("q", [C, C], pruned), ...(spec.initializers ?? []).slice(1)] };
    const { h = [] } = await outputRows(runtime, sparse, [batch(5, 1)]);
    expectMoments((await momentsOf(spec, [batch(5, 1)], { tensors: { q: edit } })).o, h);
  });

  it("without padding, even where its rows are NaN", async () => {
    const table = series(3 * C, 1).map((x, k) => (k >= 2 * C ? Number.NaN : x));
    const spec: ModelSpec = {
      inputs: [
        value("input_ids", ["batch", "tokens"], DATA_TYPE.int64),
        value("attention_mask", ["batch", "tokens"], DATA_TYPE.int64),
      ],
      nodes: [node("Gather", ["table", "input_ids"], ["e"]), node("MatMul", ["e", "w"], ["y"])],
      initializers: [float32("table", [3, C], table), weight("w", 2)],
      outputs: [value("y", ["batch", "tokens", C])],
    };
    const feeds = {
      input_ids: int64s(runtime, [0, 1, 2, 1, 2, 2], [2, 3]),
      attention_mask: int64s(runtime, [1, 1, 0, 1, 0, 0], [2, 3]),
    };
    const row = (id: number) => table.slice(id * C, (id + 1) * C);
    expectMoments((await momentsOf(spec, [feeds])).w, [row(0), row(1), row(1)]);
    const blank = { ...feeds, attention_mask: int64s(runtime, [0, 0, 0, 0, 0, 0], [2, 3]) };
    await expect(momentsOf(spec, [blank])).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringMatching(/weight "w" saw no token .*; give samples/),
    });
  });
});

describe("moments that cannot be had are refused", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e20])("where an activation is %d", async (bad) => {
    await expect(momentsOf(attention(), [{ x: floats(runtime, [1, 2, bad, 4], [1, 1, C]) }])).rejects.toMatchObject({
      code: "bad-statistics",
      message: expect.stringMatching(/weight "q": input channel 2 of 4/),
    });
  });

  it("where a sample lacks an input", async () => {
    await expect(momentsOf(attention(), [{}])).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringMatching(/tiny: a calibration sample cannot be run: .*takes x/s),
    });
  });

  it("after an abort, with the signal's reason", async () => {
    const controller = new AbortController();
    const collected = momentsOf(attention(), [batch(1, 1), batch(1, 2)], {
      signal: controller.signal,
      onSample: () => controller.abort(new Error("enough")),
    });
    await expect(collected).rejects.toThrow("enough");
  });
});
