import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { cutWindows, textFeeds } from "../../src/calibrate/index.js";
import { perplexity } from "../../src/eval/index.js";
import { type ModelEdits, type OnnxModel, openModel } from "../../src/onnx/index.js";
import { openEdited, type RuntimeTensor } from "../../src/runtime/index.js";
import { DATA_TYPE, float16, float32, type ModelSpec, modelBytes, node, value } from "../helpers/model.js";
import { testRuntime } from "../helpers/runtime.js";
import { AUSTEN, austenTokenizer } from "../helpers/tokenizer.js";

const runtime = testRuntime();
afterEach(() => {
  expect(runtime.openSessions()).toBe(0);
  vi.restoreAllMocks();
});

/** Perplexity by its definition, in float64, from the logits that the model gives. */
async function byDefinition(model: OnnxModel, windows: readonly (readonly number[])[], edits: ModelEdits = {}) {
  const session = await openEdited(runtime, model, edits, {});
  let total = 0;
  let count = 0;
  for (const ids of windows) {
    const { logits } = await session.run(textFeeds(runtime, session, [ids], model.name));
    const { data, dims } = logits as RuntimeTensor;
    const vocabulary = dims.at(-1) as number;
    for (let t = 0; t + 1 < ids.length; t++) {
      const row = Array.from(
        { length: vocabulary },
        (_, v) => (data as ArrayLike<number>)[t * vocabulary + v] as number,
      );
      const largest = Math.max(...row);
      const normaliser = largest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
      total += normaliser - (row[ids[t + 1] as number] as number);
      count++;
    }
  }
  await session.release();
  return { perplexity: Math.exp(total / count), tokens: count, meanNegativeLogLikelihood: total / count };
}

const relativeError = (actual: number, expected: number) => Math.abs(actual / expected - 1);

describe("perplexity of a real model", () => {
  it("is that of its logits, for the model as it is and with tensors replaced", async () => {
    const text = await readFile(`${AUSTEN}/persuasion.txt`, "utf8");
    const windows = cutWindows(text, await austenTokenizer(), { count: 2, length: 256, bos: false });
    const model = await openModel(`${AUSTEN}/onnx/model.onnx`);
    const done: number[] = [];
    const dense = await perplexity(model, windows, { runtime, sessionOptions: {} }, { onWindow: (n) => done.push(n) });
    const expected = await byDefinition(model, windows);
    expect(relativeError(dense.perplexity, expected.perplexity)).toBeLessThan(1e-6);
    expect(relativeError(dense.meanNegativeLogLikelihood, expected.meanNegativeLogLikelihood)).toBeLessThan(1e-6);
    expect(dense.tokens).toBe(510);
    expect(dense.perplexity).toBeGreaterThan(20);
    expect(dense.perplexity).toBeLessThan(100);
    expect(done).toEqual([1, 2]);

    const largest = model.graph.initializers.find(({ dims }) => dims.join() === "384,128");
    const byteLength = 384 * 128 * 4;
    const zeros = { kind: "bytes", byteLength, bytes: () => new Uint8Array(byteLength) } as const;
    const tensors = new Map(largest === undefined ? [] : [[largest, zeros]]);
    const pruned = await perplexity(model, windows, { runtime, sessionOptions: {}, edits: { tensors } });
    expect(relativeError(pruned.perplexity, (await byDefinition(model, windows, { tensors })).perplexity)).toBeLessThan(
      1e-6,
    );
    expect(pruned.perplexity).toBeGreaterThan(dense.perplexity);
    await model.close();
  });
});

const VOCABULARY = 8;
const table = Array.from({ length: VOCABULARY * 4 }, (_, k) => Math.sin(k * 2.3));
const head = Array.from({ length: 4 * VOCABULARY }, (_, k) => Math.cos(k * 1.9));

/** Each token predicts the next by itself, unless `nodes` mix them. */
const languageModel = (spec: Partial<ModelSpec> = {}) =>
  openModel(
    modelBytes({
      inputs: [value("input_ids", ["batch", "tokens"], DATA_TYPE.int64)],
      nodes: [node("Gather", ["table", "input_ids"], ["e"]), node("MatMul", ["e", "head"], ["logits"])],
      initializers: [float32("table", [VOCABULARY, 4], table), float32("head", [4, VOCABULARY], head)],
      outputs: [value("logits", ["batch", "tokens", VOCABULARY])],
      ...spec,
    }),
    { name: "tiny" },
  );

const evaluate = async (model: Promise<OnnxModel>, windows: number[][], signal?: AbortSignal) =>
  perplexity(await model, windows, { runtime, sessionOptions: {} }, { signal });

const WINDOWS = [
  [1, 5, 2, 7, 0],
  [3, 3, 4],
];

describe("perplexity of tiny models", () => {
  it.each([11, 13, 17, 18, 21])("is by its definition in operator set %i", async (opset) => {
    const result = await evaluate(languageModel({ opset }), WINDOWS);
    const expected = await byDefinition(await languageModel({ opset }), WINDOWS);
    expect(relativeError(result.perplexity, expected.perplexity)).toBeLessThan(1e-6);
    expect(result.tokens).toBe(6);
  });

  it("takes float16 logits", async () => {
    const spec = {
      nodes: [node("Gather", ["table", "input_ids"], ["e"]), node("MatMul", ["e", "head"], ["logits"])],
      initializers: [float16("table", [VOCABULARY, 4], table), float16("head", [4, VOCABULARY], head)],
      outputs: [value("logits", ["batch", "tokens", VOCABULARY], DATA_TYPE.float16)],
    };
    const expected = await evaluate(languageModel(), WINDOWS);
    const result = await evaluate(languageModel(spec), WINDOWS);
    expect(relativeError(result.perplexity, expected.perplexity)).toBeLessThan(0.01);
  });

  it("leaves out windows that predict nothing, and refuses a text without any other", async () => {
    const all = await evaluate(languageModel(), [[4], ...WINDOWS, []]);
    expect(all).toEqual(await evaluate(languageModel(), WINDOWS));
    await expect(evaluate(languageModel(), [[4], []])).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringMatching(/no window of two tokens or more; give a longer text/),
    });
  });

  it("cannot tell a model by a window of one token again and again, and does not try", async () => {
    expect((await evaluate(languageModel(), [[2, 2, 2]])).tokens).toBe(2);
  });
});

it("a decoder whose activations are quantised on every run has one, though later tokens change the scale", async () => {
  const quantised = (withPast: boolean) => {
    const past = value("past_key_values.0.key", ["batch", 1, "past", 4]);
    return languageModel({
      ...(withPast && { inputs: [value("input_ids", ["batch", "tokens"], DATA_TYPE.int64), past] }),
      nodes: [
        node("Gather", ["table", "input_ids"], ["e"]),
        node("DynamicQuantizeLinear", ["e"], ["q", "scale", "zero"]),
        node("DequantizeLinear", ["q", "scale", "zero"], ["rounded"]),
        node("MatMul", ["rounded", "head"], ["logits"]),
      ],
      initializers: [
        float32(
          "table",
          [VOCABULARY, 4],
          table.map((x, k) => (k < 4 ? 300 * x : x)),
        ),
        float32("head", [4, VOCABULARY], head),
      ],
    });
  };
  // Token 0 is far larger than all others, and comes to stand at the end where the check changes the last token.
  const windows = [[1, 0, 2, 3, 5, 1]];
  expect((await evaluate(quantised(true), windows)).tokens).toBe(5);
  const outlierLast = [[1, 4, 2, 3, 5, 0]];
  expect((await evaluate(quantised(true), outlierLast)).tokens).toBe(5);
  await expect(evaluate(quantised(false), outlierLast)).rejects.toMatchObject({ code: "unsupported" });
});

describe("what has no perplexity is refused", () => {
  it("a model with other inputs and outputs", async () => {
    const model = languageModel({
      inputs: ["pixels", "a", "b", "c", "d"].map((name) => value(name, [1, 4])),
      nodes: [node("Identity", ["pixels"], ["y"])],
      outputs: [value("y", [1, 4])],
    });
    await expect(evaluate(model, WINDOWS)).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(
        /^tiny: .* "input_ids" and output "logits"; this one has inputs pixels, a, b, c, … and outputs y$/,
      ),
    });
  });

  it("a model that looks at later tokens, such as a masked language model", async () => {
    const mixing = languageModel({
      nodes: [
        node("Gather", ["table", "input_ids"], ["e"]),
        node("ReduceMean", ["e", "axis"], ["mean"]),
        node("Add", ["e", "mean"], ["mixed"]),
        node("MatMul", ["mixed", "head"], ["logits"]),
      ],
      initializers: [
        { name: "axis", dataType: DATA_TYPE.int64, dims: [1], int64Data: [1] },
        float32("table", [VOCABULARY, 4], table),
        float32("head", [4, VOCABULARY], head),
      ],
    });
    await expect(evaluate(mixing, WINDOWS)).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/another last token changes .* of token 1, so it is no causal language model/),
    });
  });

  it("a model with one answer for a whole text", async () => {
    const classifier = languageModel({
      nodes: [
        node("Gather", ["table", "input_ids"], ["e"]),
        node("ReduceMean", ["e", "axis"], ["mean"], { keepdims: 0 }),
        node("MatMul", ["mean", "head"], ["logits"]),
      ],
      initializers: [
        { name: "axis", dataType: DATA_TYPE.int64, dims: [1], int64Data: [1] },
        float32("table", [VOCABULARY, 4], table),
        float32("head", [4, VOCABULARY], head),
      ],
      outputs: [value("logits", ["batch", VOCABULARY])],
    });
    await expect(evaluate(classifier, WINDOWS)).rejects.toMatchObject({
      code: expect.stringMatching(/unsupported|bad-model/),
    });
  });

  it("a model that overflows, with the token where it does", async () => {
    const overflowing = languageModel({
      initializers: [
        float32(
          "table",
          [VOCABULARY, 4],
          table.map((x, k) => (Math.floor(k / 4) === 2 ? Number.NaN : x)),
        ),
        float32("head", [4, VOCABULARY], head),
      ],
    });
    await expect(
      evaluate(overflowing, [
        [1, 5, 7],
        [3, 2, 4],
      ]),
    ).rejects.toMatchObject({
      code: "bad-statistics",
      message: expect.stringMatching(/of token 2 of window 1 is NaN; the model overflows/),
    });
  });

  it("a model that needs more than text", async () => {
    const inputs = [value("input_ids", ["batch", "tokens"], DATA_TYPE.int64), value("image", [1, 4])];
    await expect(evaluate(languageModel({ inputs }), WINDOWS)).rejects.toMatchObject({
      message: expect.stringMatching(/text alone does not determine the input "image"/),
    });
  });
});

it("an abort ends with the signal's reason", async () => {
  const controller = new AbortController();
  const stopping = perplexity(
    await languageModel(),
    WINDOWS,
    { runtime, sessionOptions: {} },
    { signal: controller.signal, onWindow: () => controller.abort(new Error("enough")) },
  );
  await expect(stopping).rejects.toThrow("enough");
});
