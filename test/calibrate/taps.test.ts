import { describe, expect, it } from "vitest";
import { planTaps } from "../../src/calibrate/index.js";
import { buildModel, findTargets } from "../../src/graph/index.js";
import { openModel } from "../../src/onnx/index.js";
import {
  DATA_TYPE,
  float16,
  float32,
  ifNode,
  int64,
  type ModelSpec,
  modelBytes,
  node,
  rawTensor,
  toFloat16Bits,
  value,
} from "../helpers/model.js";
import { floats, int64s, testRuntime } from "../helpers/runtime.js";
import { expectClose, outputRows, rowsOf, statisticsOf, tapped } from "./reference.js";

const runtime = testRuntime();
const C = 4;

const series = (count: number, seed: number) =>
  Array.from({ length: count }, (_, k) => Math.sin((k + 1) * (seed + 1.3)) * 2);
const weight = (name: string, seed: number, inputs = C, outputs = C) =>
  float32(name, [inputs, outputs], series(inputs * outputs, seed));
const batch = (tokens: number, seed: number, count = 1) => ({
  x: floats(runtime, series(count * tokens * C, seed), [count, tokens, C]),
});

describe("statistics agree with those computed from the activations", () => {
  // x → q, k, v (one input) → q + k + v → Relu → o
  const attention = (opset: number): ModelSpec => ({
    opset,
    inputs: [value("x", ["batch", "tokens", C])],
    nodes: [
      node("MatMul", ["x", "q"], ["xq"]),
      node("MatMul", ["x", "k"], ["xk"]),
      node("MatMul", ["x", "v"], ["xv"]),
      node("Add", ["xq", "xk"], ["qk"]),
      node("Add", ["qk", "xv"], ["qkv"]),
      node("Relu", ["qkv"], ["h"]),
      node("MatMul", ["h", "o"], ["y"]),
    ],
    initializers: [weight("q", 1), weight("k", 2), weight("v", 3), weight("o", 4, C, 2)],
    outputs: [value("h", ["batch", "tokens", C]), value("y", ["batch", "tokens", 2])],
  });

  it.each([11, 13, 17, 18, 21])("in operator set %i, over several runs", async (opset) => {
    const feeds = [batch(3, 5), batch(2, 6, 2), batch(1, 7)];
    const { h = [] } = await outputRows(runtime, attention(opset), feeds);
    const x = statisticsOf(feeds.flatMap((feed) => rowsOf(feed.x)));
    const statistics = await tapped(runtime, attention(opset), feeds);
    expect(Object.keys(statistics)).toEqual(["q", "k", "v", "o"]);
    for (const name of ["q", "k", "v"]) expectClose(statistics[name], x);
    expectClose(statistics.o, statisticsOf(h));
    expect(x.tokens).toBe(8);
    expect(runtime.openSessions()).toBe(0);
  });

  it("with one tap for weights that share an input", async () => {
    const model = buildModel(await openModel(modelBytes(attention(18))));
    const { taps } = planTaps(model, findTargets(model).targets, { padding: false, keepOutputs: false });
    expect(taps.map(({ targets }) => targets.map(({ tensor }) => tensor.name))).toEqual([["q", "k", "v"], ["o"]]);
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
    const { w } = await tapped(runtime, twice, feeds);
    const both = statisticsOf([...feeds.flatMap((feed) => rowsOf(feed.x)), ...t]);
    expectClose(w, both);
    expect(both.tokens).toBe(10);
  });

  it("of float16 activations whose squares float16 cannot hold", async () => {
    const spec: ModelSpec = {
      inputs: [value("x", ["batch", "tokens", 2], DATA_TYPE.float16)],
      nodes: [node("MatMul", ["x", "w"], ["y"])],
      initializers: [float16("w", [2, 2], [1, 0, 0, 1])],
      outputs: [value("y", ["batch", "tokens", 2], DATA_TYPE.float16)],
    };
    const bits = Uint16Array.from([300, -60000, 1, 40000], toFloat16Bits);
    const x = runtime.tensor("float16", bits, [1, 2, 2]);
    const { w } = await tapped(runtime, spec, [{ x }]);
    expectClose(
      w,
      statisticsOf([
        [300, -60000],
        [1, 40000],
      ]),
    );
  });

  it("of a Gemm with a transposed weight behind a reshape", async () => {
    const spec: ModelSpec = {
      inputs: [value("x", ["batch", "tokens", C])],
      nodes: [node("Reshape", ["x", "shape"], ["rows"]), node("Gemm", ["rows", "w", "b"], ["y"], { transB: 1 })],
      initializers: [int64("shape", [2], [-1, C]), weight("w", 1, 3, C), float32("b", [3], [1, 2, 3])],
      outputs: [value("y", ["rows", 3])],
    };
    const feeds = [batch(3, 2, 2)];
    const { w } = await tapped(runtime, spec, feeds);
    expectClose(w, statisticsOf(rowsOf(feeds[0]?.x as never)));
  });
});

describe("padding", () => {
  const NAN_TOKEN = 3;
  /** Embeddings [4, C], the last of them NaN: whatever looks at a padded row turns NaN. */
  const table = series(4 * C, 1).map((x, k) => (k >= NAN_TOKEN * C ? Number.NaN : x));
  const embedded = (opset = 18): ModelSpec => ({
    opset,
    inputs: [
      value("input_ids", ["batch", "tokens"], DATA_TYPE.int64),
      value("attention_mask", ["batch", "past_and_tokens"], DATA_TYPE.int64),
    ],
    nodes: [node("Gather", ["table", "input_ids"], ["e"]), node("MatMul", ["e", "w"], ["y"])],
    initializers: [float32("table", [4, C], table), weight("w", 2)],
    outputs: [value("y", ["batch", "tokens", C])],
  });
  const row = (id: number) => table.slice(id * C, (id + 1) * C);

  it.each([11, 13, 17, 18])("is left out in operator set %i, even where its rows are NaN", async (opset) => {
    const feeds = [
      {
        input_ids: int64s(runtime, [0, 1, 3, 2, 3, 3], [2, 3]),
        attention_mask: int64s(runtime, [1, 1, 0, 1, 0, 0], [2, 3]),
      },
      { input_ids: int64s(runtime, [3, 3, 0, 1], [1, 4]), attention_mask: int64s(runtime, [0, 0, 1, 1], [1, 4]) },
    ];
    const { w } = await tapped(runtime, embedded(opset), feeds);
    expectClose(w, statisticsOf([row(0), row(1), row(2), row(0), row(1)]));
  });

  it("is told by the last columns of the mask where there is a past", async () => {
    const feeds = {
      input_ids: int64s(runtime, [0, 1, 3, 2], [2, 2]),
      attention_mask: int64s(runtime, [0, 0, 0, 1, 1, 1, 1, 1, 0, 1], [2, 5]),
    };
    const { w } = await tapped(runtime, embedded(), [feeds]);
    expectClose(w, statisticsOf([row(0), row(1), row(2)]));
  });

  it("that makes up everything leaves a weight without tokens", async () => {
    const feeds = { input_ids: int64s(runtime, [3, 3], [1, 2]), attention_mask: int64s(runtime, [0, 0], [1, 2]) };
    await expect(tapped(runtime, embedded(), [feeds])).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringMatching(/weight "w" saw no token .*; give samples that reach it, or exclude it/),
      details: { weight: "w" },
    });
  });

  it("counts where samples are known to have none, so that no mask is needed", async () => {
    const feeds = { input_ids: int64s(runtime, [0, 1], [1, 2]), attention_mask: int64s(runtime, [0, 1], [1, 2]) };
    const { w } = await tapped(runtime, embedded(), [feeds], { padding: false });
    expect(w?.tokens).toBe(2);
  });

  it("does not concern activations whose rows are not tokens", async () => {
    const pooled: ModelSpec = {
      ...embedded(),
      nodes: [
        node("Gather", ["table", "input_ids"], ["e"]),
        node("Slice", ["e", "zero", "one", "axis"], ["first"]),
        node("MatMul", ["first", "w"], ["y"]),
      ],
      initializers: [
        ...(embedded().initializers ?? []),
        int64("zero", [1], [0]),
        int64("one", [1], [1]),
        int64("axis", [1], [1]),
      ],
      outputs: [value("y", ["batch", 1, C])],
    };
    const feeds = {
      input_ids: int64s(runtime, [0, 3, 1, 3], [2, 2]),
      attention_mask: int64s(runtime, [0, 0, 0, 0], [2, 2]),
    };
    const { w } = await tapped(runtime, pooled, [feeds]);
    expectClose(w, statisticsOf([row(0), row(1)]));
  });

  it.each(["float32", "float16"] as const)(
    "of what an encoder hands over is told by its own mask, %s",
    async (type) => {
      const cast = type === "float16";
      const spec: ModelSpec = {
        inputs: [
          value("input_ids", ["batch", "tokens"], DATA_TYPE.int64),
          value("encoder_hidden_states", ["batch", "source", C]),
          value("encoder_attention_mask", ["batch", "source"], DATA_TYPE.int64),
          value("attention_mask", ["batch", "tokens"], DATA_TYPE.int64),
        ],
        nodes: [
          node("Gather", ["table", "input_ids"], ["e"]),
          node("MatMul", ["e", "self"], ["s"]),
          ...(cast ? [node("Cast", ["encoder_hidden_states"], ["states"], { to: DATA_TYPE.float16 })] : []),
          node("MatMul", [cast ? "states" : "encoder_hidden_states", "cross"], ["c"]),
        ],
        initializers: [
          float32("table", [4, C], table),
          weight("self", 2),
          cast ? float16("cross", [C, C], series(C * C, 3)) : weight("cross", 3),
        ],
        outputs: [value("s", ["batch", "tokens", C]), value("c", ["batch", "source", C], DATA_TYPE[type])],
      };
      // As many source rows as target rows: only the name tells which mask is meant.
      const states = [1, 2, 3, 4, 5, 6, 7, 8, NaN, NaN, NaN, NaN];
      const feeds = {
        input_ids: int64s(runtime, [3, 0, 1], [1, 3]),
        attention_mask: int64s(runtime, [0, 1, 1], [1, 3]),
        encoder_hidden_states: floats(runtime, states, [1, 3, C]),
        encoder_attention_mask: int64s(runtime, [1, 1, 0], [1, 3]),
      };
      const statistics = await tapped(runtime, spec, [feeds]);
      expectClose(statistics.self, statisticsOf([row(0), row(1)]));
      expectClose(
        statistics.cross,
        statisticsOf([
          [1, 2, 3, 4],
          [5, 6, 7, 8],
        ]),
      );
    },
  );
});

describe("weights inside of branches", () => {
  const flag = (truth: boolean) => runtime.tensor("bool", [truth ? 1 : 0], [1]);
  const condition = (name: string) => value(name, [1], 9);
  const branch = (name: string, seed: number, from = "x") => ({
    nodes: [node("Relu", [from], [`h_${name}`]), node("MatMul", [`h_${name}`, name], [`y_${name}`])],
    initializers: [weight(name, seed)],
    outputs: [value(`y_${name}`, ["batch", "tokens", C])],
  });
  const relu = (rows: readonly (readonly number[])[]) => rows.map((row) => row.map((x) => Math.max(0, x)));

  it("are tapped where they are, in the branch that runs", async () => {
    const spec: ModelSpec = {
      inputs: [value("x", ["batch", "tokens", C]), condition("c")],
      nodes: [ifNode("c", ["b"], branch("w1", 1), branch("w2", 2)), node("MatMul", ["b", "w3"], ["y"])],
      initializers: [weight("w3", 3)],
      outputs: [value("b", ["batch", "tokens", C]), value("y", ["batch", "tokens", C])],
    };
    const [first, second] = [batch(3, 5), batch(2, 6)];
    const feeds = [
      { ...first, c: flag(true) },
      { ...second, c: flag(false) },
    ];
    const { b = [] } = await outputRows(runtime, spec, feeds);
    const statistics = await tapped(runtime, spec, feeds);
    expectClose(statistics.w1, statisticsOf(relu(rowsOf(first.x))));
    expectClose(statistics.w2, statisticsOf(relu(rowsOf(second.x))));
    expectClose(statistics.w3, statisticsOf(b));
  });

  it("are tapped in branches of branches, with padding left out", async () => {
    const inner = {
      nodes: [ifNode("d", ["i"], branch("w1", 1), branch("w2", 2))],
      outputs: [value("i", ["b", "t", C])],
    };
    const spec: ModelSpec = {
      inputs: [
        value("inputs_embeds", ["batch", "tokens", C]),
        value("attention_mask", ["batch", "tokens"], DATA_TYPE.int64),
        condition("c"),
        condition("d"),
      ],
      nodes: [node("Identity", ["inputs_embeds"], ["x"]), ifNode("c", ["y"], inner, branch("w3", 3))],
      outputs: [value("y", ["batch", "tokens", C])],
    };
    const run = (seed: number, c: boolean, d: boolean) => ({
      inputs_embeds: batch(2, seed).x,
      attention_mask: int64s(runtime, [0, 1], [1, 2]),
      c: flag(c),
      d: flag(d),
    });
    const feeds = [run(1, true, true), run(2, true, false), run(3, false, true), run(4, true, true)];
    const statistics = await tapped(runtime, spec, feeds);
    const last = (...seeds: number[]) => statisticsOf(relu(seeds.map((seed) => rowsOf(batch(2, seed).x)[1] ?? [])));
    expectClose(statistics.w1, last(1, 4));
    expectClose(statistics.w2, last(2));
    expectClose(statistics.w3, last(3));
  });

  it("see an activation from outside only when their branch runs", async () => {
    const outer = (name: string, seed: number) => ({
      nodes: [node("MatMul", ["x", name], [`y_${name}`])],
      initializers: [weight(name, seed)],
      outputs: [value(`y_${name}`, ["batch", "tokens", C])],
    });
    const spec: ModelSpec = {
      inputs: [value("x", ["batch", "tokens", C]), condition("c")],
      nodes: [ifNode("c", ["y"], outer("w1", 1), outer("w2", 2))],
      outputs: [value("y", ["batch", "tokens", C])],
    };
    const [first, second] = [batch(3, 5), batch(2, 6)];
    const feeds = [
      { ...first, c: flag(true) },
      { ...second, c: flag(false) },
    ];
    const statistics = await tapped(runtime, spec, feeds);
    expectClose(statistics.w1, statisticsOf(rowsOf(first.x)));
    expectClose(statistics.w2, statisticsOf(rowsOf(second.x)));
    await expect(tapped(runtime, spec, feeds.slice(0, 1))).rejects.toMatchObject({
      code: "bad-calibration",
      message: expect.stringContaining("saw no token"),
    });
  });

  it("are refused in the body of a Loop, by name", async () => {
    const body = {
      inputs: [value("i", [], DATA_TYPE.int64), value("going", [], 9), value("h", ["tokens", C])],
      nodes: [
        node("MatMul", ["h", "w"], ["next"], {}, { name: "/steps/proj/MatMul" }),
        node("Identity", ["going"], ["on"]),
      ],
      initializers: [weight("w", 1)],
      outputs: [value("on", [], 9), value("next", ["tokens", C])],
    };
    const spec: ModelSpec = {
      inputs: [value("x", ["tokens", C])],
      nodes: [node("Loop", ["count", "yes", "x"], ["y"], { body: { graph: body } }, { name: "/steps/Loop" })],
      initializers: [int64("count", [], [2]), rawTensor("yes", 9, [], Uint8Array.of(1))],
      outputs: [value("y", ["tokens", C])],
    };
    await expect(tapped(runtime, spec, [])).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/weight "steps.proj" lies in the body of Loop "\/steps\/Loop".*exclude it/),
    });
  });
});

describe("statistics that cannot be trusted", () => {
  const linear: ModelSpec = {
    inputs: [value("x", ["tokens", C])],
    nodes: [node("MatMul", ["x", "w"], ["y"], {}, { name: "/layers.0/mlp/up_proj/MatMul" })],
    initializers: [weight("w", 1)],
    outputs: [value("y", ["tokens", C])],
  };

  it.each([
    ["NaN", [1, Number.NaN, 1, 1]],
    ["infinite", [1, Number.POSITIVE_INFINITY, 1, 1]],
    ["too large to be squared", [1, 1e20, 1, 1]],
  ])("because a value is %s are an error naming weight and channel", async (_, values) => {
    const feeds = [{ x: floats(runtime, values, [1, C]) }];
    await expect(tapped(runtime, linear, feeds)).rejects.toMatchObject({
      code: "bad-statistics",
      message: expect.stringMatching(
        /weight "layers\.0\.mlp\.up_proj": input channel 1 of 4 .* not finite after 1 tokens/,
      ),
      details: { weight: "layers.0.mlp.up_proj", channel: 1 },
    });
    expect(runtime.openSessions()).toBe(0);
  });

  it("because the model is tapped already are refused before it runs", async () => {
    const twice = { ...linear, outputs: [value("y", ["tokens", C]), value("transformers_prune/tap0/sum", [C])] };
    twice.nodes = [...(linear.nodes ?? []), node("Identity", ["y"], ["transformers_prune/tap0/sum"])];
    await expect(tapped(runtime, twice, [])).rejects.toMatchObject({ code: "bad-graph" });
  });

  it("because the operator set is too old are refused with a remedy", async () => {
    await expect(tapped(runtime, { ...linear, opset: 10 }, [])).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/operator set 10; calibration needs 11 or later: export the model again/),
    });
  });
});
