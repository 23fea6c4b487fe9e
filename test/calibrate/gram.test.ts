import { afterEach, describe, expect, it } from "vitest";
import { collectGrams, type Gram } from "../../src/calibrate/gram.js";
import { buildModel, findTargets } from "../../src/graph/index.js";
import { openModel, type TensorEdit } from "../../src/onnx/index.js";
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
import { type Feeds, outputRows, type Rows, rowsOf, samplesOf } from "./reference.js";

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

async function gramsOf(
  spec: ModelSpec,
  feeds: readonly Feeds[],
  { padding = true, tensors = {} as Record<string, TensorEdit>, ...control } = {} as {
    padding?: boolean;
    tensors?: Record<string, TensorEdit>;
    signal?: AbortSignal;
    onSample?: (done: number) => void;
  },
): Promise<Readonly<Record<string, Gram>>> {
  const model = buildModel(await openModel(modelBytes(spec), { name: "tiny" }));
  const { targets } = findTargets(model);
  const edits = new Map(
    targets.flatMap(({ tensor }) => (tensors[tensor.name] ? [[tensor, tensors[tensor.name] as TensorEdit]] : [])),
  );
  const options = { runtime, sessionOptions: {}, tensors: edits };
  const grams = await collectGrams(model, targets, samplesOf(feeds, padding), options, control);
  return Object.fromEntries([...grams].map(([target, gram]) => [target.tensor.name, gram]));
}

/** Expects X^T X of the rows, as far as float32 sums go, and exact symmetry. */
function expectGram(gram: Gram | undefined, rows: Rows): void {
  const channels = rows[0]?.length as number;
  const all = Array.from({ length: channels }, (_, k) => k);
  const product = (i: number, j: number) => rows.reduce((sum, row) => sum + (row[i] as number) * (row[j] as number), 0);
  const largest = Math.max(...all.map((i) => product(i, i)));
  expect(gram).toMatchObject({ channels, tokens: rows.length });
  for (const i of all)
    for (const j of all) {
      const found = gram?.values[i * channels + j] as number;
      expect(Math.abs(found - product(i, j))).toBeLessThan(1e-5 * largest);
      expect(found).toBe(gram?.values[j * channels + i]);
    }
}

describe("Gram matrices are X^T X of the activations", () => {
  it.each([11, 13, 18, 21])("in operator set %i, over several runs", async (opset) => {
    const feeds = [batch(3, 5), batch(2, 6, 2), batch(1, 7)];
    const done: number[] = [];
    const { h = [] } = await outputRows(runtime, attention(opset), feeds);
    const grams = await gramsOf(attention(opset), feeds, { onSample: (count) => done.push(count) });
    expectGram(
      grams.q,
      feeds.flatMap(({ x }) => rowsOf(x)),
    );
    expectGram(grams.o, h);
    expect(grams.k).toBe(grams.q);
    expect(done).toEqual([1, 2, 3]);
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
    const { w } = await gramsOf(twice, feeds);
    expectGram(w, [...feeds.flatMap(({ x }) => rowsOf(x)), ...t]);
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
    expectGram((await gramsOf(spec, [{ x }])).w, rows);
  });

  it("of the model with the tensors that an earlier pass pruned", async () => {
    const pruned = Float32Array.from(series(C * C, 1), (w, k) => (k % 2 === 0 ? w : 0));
    const edit = { kind: "bytes", byteLength: pruned.byteLength, bytes: () => bytesOf(pruned) } as const;
    const spec = attention();
    const sparse = { ...spec, initializers: [float32("q", [C, C], pruned), ...(spec.initializers ?? []).slice(1)] };
    const { h = [] } = await outputRows(runtime, sparse, [batch(5, 1)]);
    expectGram((await gramsOf(spec, [batch(5, 1)], { tensors: { q: edit } })).o, h);
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
    expectGram((await gramsOf(spec, [feeds])).w, [row(0), row(1), row(1)]);
    const blank = { ...feeds, attention_mask: int64s(runtime, [0, 0, 0, 0, 0, 0], [2, 3]) };
    await expect(gramsOf(spec, [blank])).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringMatching(/weight "w" saw no token .*; give samples/),
    });
  });
});

describe("Gram matrices that cannot be had are refused", () => {
  it("inside of branches, by name", async () => {
    const branch = (name: string) => ({
      nodes: [node("MatMul", ["x", name], [`y_${name}`])],
      initializers: [weight(name, 1)],
      outputs: [value(`y_${name}`, ["batch", "tokens", C])],
    });
    const spec: ModelSpec = {
      inputs: [value("x", ["batch", "tokens", C]), value("c", [1], 9)],
      nodes: [ifNode("c", ["y"], branch("w1"), branch("w2"))],
      outputs: [value("y", ["batch", "tokens", C])],
    };
    await expect(gramsOf(spec, [])).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/tiny: weight "w1" lies in a nested graph.*exclude it/),
    });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e20])("where an activation is %d", async (bad) => {
    await expect(gramsOf(attention(), [{ x: floats(runtime, [1, 2, bad, 4], [1, 1, C]) }])).rejects.toMatchObject({
      code: "bad-statistics",
      message: expect.stringMatching(/weight "q": input channel 2 of 4/),
    });
  });

  it("where a sample lacks an input", async () => {
    await expect(gramsOf(attention(), [{}])).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringMatching(/tiny: a calibration sample cannot be run: .*takes x/s),
    });
  });

  it("after an abort, with the signal's reason", async () => {
    const controller = new AbortController();
    const collected = gramsOf(attention(), [batch(1, 1), batch(1, 2)], {
      signal: controller.signal,
      onSample: () => controller.abort(new Error("enough")),
    });
    await expect(collected).rejects.toThrow("enough");
  });
});
