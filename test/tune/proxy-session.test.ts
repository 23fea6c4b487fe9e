/** Tiny language models in half floats and codes, held in memory: weights as inputs, and hidden states cut and fed, in their own type. */
import { afterEach, describe, expect, it } from "vitest";
import { openSamples } from "../../src/calibrate/index.js";
import { createCpuDevice } from "../../src/compute/cpu/index.js";
import { blockOutputs, type Target } from "../../src/graph/index.js";
import { openPlan } from "../../src/prune/index.js";
import { type ObjectiveName, objectiveOf } from "../../src/tune/objectives/index.js";
import { openSubject } from "../../src/tune/open-subject.js";
import { fedName, ProxySession } from "../../src/tune/proxy-session.js";
import type { Subject } from "../../src/tune/subject.js";
import { DATA_TYPE, float16, float32, int8, type ModelSpec, modelBytes, node, uint8, value } from "../helpers/model.js";
import { pack } from "../helpers/quantised.js";
import { floats, testRuntime } from "../helpers/runtime.js";
import { linear, resolved, TOKENS, VOCABULARY } from "../prune/tiny.js";
import { candidateAt, ONE_THREAD } from "./real-subject.js";

const C = 16;
const series = (count: number, seed: number) =>
  Array.from({ length: count }, (_, k) => 0.3 * Math.sin((k + 1) * (seed + 0.37)) + 0.1 * Math.cos(k * seed));

/** Adds `d` to the hidden state `h` and normalises the sum: with two operators, or with ONNX Runtime's one. */
function residual(layer: number, norm: "none" | "apart" | "fused") {
  const [h, d, next, normalised] = [`h${layer}`, `d${layer}`, `h${layer + 1}`, `n${layer + 1}`];
  const fused = { domain: "com.microsoft" };
  if (norm === "fused")
    return [
      node("SkipSimplifiedLayerNormalization", [h, d, "gamma"], [normalised, "", "", next], { epsilon: 1e-5 }, fused),
    ];
  const add = node("Add", [h, d], [next]);
  return norm === "none" ? [add] : [add, normOf(next, normalised)];
}

const normOf = (from: string, to: string) =>
  node("SimplifiedLayerNormalization", [from, "gamma"], [to], { axis: -1, epsilon: 1e-5 });

/** Codes of a weight [in, out] with one scale, 0.01; what they stand for is its `decoded` twin. */
const SCALE = 0.01;
const codesOf = (count: number, seed: number) => series(count, seed).map((value) => Math.round(value / SCALE));
const FOUR_BITS = { bits: 4, block: 16 } as const;

type Stored = "float16" | "float32" | "int8" | "int8 decoded" | "uint4" | "uint4 decoded";

/** A linear layer whose weight is stored in one of the ways, with its initializers. */
function layerOf(stored: Stored, name: string, [from, to]: [string, string], [inputs, outputs, seed]: number[]) {
  const [rows, columns] = [inputs as number, outputs as number];
  const plain = linear(name, from, to);
  const values = series(rows * columns, seed as number);
  if (stored === "float16" || stored === "float32") {
    const tensor = stored === "float16" ? float16 : float32;
    return { nodes: [plain], initializers: [tensor(`${name}.weight`, [rows, columns], values)] };
  }
  if (stored.endsWith("decoded")) {
    const kept = stored.startsWith("int8")
      ? codesOf(values.length, seed as number)
      : fourBitCodes(values.length, seed as number);
    // A product of float32 numbers, as whoever decodes has it.
    const decoded = kept.map((code) => Math.fround(Math.fround(SCALE) * code));
    return { nodes: [plain], initializers: [float32(`${name}.weight`, [rows, columns], decoded)] };
  }
  const scale = float32(`${name}.scale`, [], [SCALE]);
  if (stored === "int8") {
    const codes = int8(`${name}.weight_quantized`, [rows, columns], codesOf(values.length, seed as number));
    const decode = node("DequantizeLinear", [`${name}.weight_quantized`, `${name}.scale`], [`${name}.weight`]);
    return { nodes: [decode, plain], initializers: [codes, scale] };
  }
  // [out, blocks, bytes], zero is 8.
  const kept = fourBitCodes(values.length, seed as number);
  const transposed = Array.from(
    { length: kept.length },
    (_, k) => (kept[(k % rows) * columns + Math.floor(k / rows)] as number) + 8,
  );
  const blocks = rows / FOUR_BITS.block;
  return {
    nodes: [
      node(
        "MatMulNBits",
        [from, `${name}.weight_Q4`, `${name}.scales`],
        [to],
        { K: rows, N: columns, bits: FOUR_BITS.bits, block_size: FOUR_BITS.block, accuracy_level: 1 },
        { name: `${plain.name}_Q4`, domain: "com.microsoft" },
      ),
    ],
    initializers: [
      uint8(`${name}.weight_Q4`, [columns, blocks, FOUR_BITS.block / 2], pack(transposed, FOUR_BITS.bits)),
      float32(`${name}.scales`, [columns, blocks], new Float32Array(columns * blocks).fill(SCALE)),
    ],
  };
}

const fourBitCodes = (count: number, seed: number) =>
  codesOf(count, seed).map((code) => Math.max(-8, Math.min(7, Math.round(code / 5))));

/** Two blocks without attention, and a head. */
function languageModel(stored: Stored, norm: "none" | "apart" | "fused" = "none"): ModelSpec {
  const dtype = stored === "float16" ? "float16" : "float32";
  const tensor = dtype === "float16" ? float16 : float32;
  const layers = [0, 1].map((layer) => ({
    first: layerOf(
      stored,
      `layers.${layer}.mlp.fc1`,
      [norm === "none" ? `h${layer}` : `n${layer}`, `u${layer}`],
      [C, 32, 2 + layer],
    ),
    second: layerOf(stored, `layers.${layer}.mlp.fc2`, [`r${layer}`, `d${layer}`], [32, C, 4 + layer]),
  }));
  const block = (layer: number) => [
    ...(layers[layer]?.first.nodes ?? []),
    node("Relu", [`u${layer}`], [`r${layer}`]),
    ...(layers[layer]?.second.nodes ?? []),
    ...residual(layer, norm),
  ];
  return {
    domains: { "com.microsoft": 1 },
    inputs: [value("input_ids", ["batch", "tokens"], DATA_TYPE.int64)],
    nodes: [
      node("Gather", ["embeddings", "input_ids"], ["h0"]),
      ...(norm === "none" ? [] : [normOf("h0", "n0")]),
      ...block(0),
      ...block(1),
      linear("lm_head", norm === "none" ? "h2" : "n2", "logits"),
    ],
    initializers: [
      tensor("embeddings", [VOCABULARY, C], series(VOCABULARY * C, 1)),
      tensor("gamma", [C], series(C, 7)),
      ...layers.flatMap(({ first, second }) => [...first.initializers, ...second.initializers]),
      tensor("lm_head.weight", [C, VOCABULARY], series(C * VOCABULARY, 6)),
    ],
    outputs: [
      value("logits", ["batch", "tokens", VOCABULARY], DATA_TYPE[dtype]),
      value("h2", ["batch", "tokens", C], DATA_TYPE[dtype]),
    ],
  };
}

const runtime = testRuntime();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
  expect(runtime.openSessions()).toBe(0);
});

async function subjectOf(...which: Parameters<typeof languageModel>): Promise<Subject> {
  const options = resolved({ method: "crepe", sparsity: 0.5, calibration: { tokens: TOKENS } });
  const plan = await openPlan({ input: modelBytes(languageModel(...which)), name: "model" }, options);
  const device = createCpuDevice({ threads: 1 });
  closers.push(() => device.close());
  const samples = await openSamples(plan.options.calibration, () => Promise.reject(new Error("no text")), "model");
  const tokens = TOKENS.map((ids) => ids.slice(0, 20));
  return openSubject({ plan, runtime, sessionOptions: ONE_THREAD, device, samples, passes: 1, tokens, seed: 1 });
}

const OBJECTIVES: ObjectiveName[] = ["hidden-drift", "block-error", "block-cosine", "kl", "likelihood"];

async function figures(
  subject: Subject,
  sparsity: number,
  objectives: readonly ObjectiveName[] = OBJECTIVES,
): Promise<number[]> {
  const all: number[] = [];
  for (const name of objectives) {
    const objective = await objectiveOf(name).open(subject);
    closers.push(() => objective.close());
    all.push(await objective.measure(candidateAt(sparsity)));
  }
  return all;
}

describe("a model in half floats", () => {
  it("has the figures of the same model in single floats, as nearly as half floats tell", async () => {
    const [half, single] = [await subjectOf("float16"), await subjectOf("float32")];
    const [a, b] = [await figures(half, 0.5), await figures(single, 0.5)];
    for (const [k, name] of OBJECTIVES.entries())
      expect(Math.abs((a[k] as number) / (b[k] as number) - 1), name).toBeLessThan(0.1);
    const dense = await figures(half, 0);
    for (const figure of dense.slice(0, -1)) expect(Math.abs(figure)).toBeLessThan(1e-6);
  });
});

describe.each(["int8", "uint4"] as const)("a model whose weights are %s codes", (stored) => {
  it("has the figures of the same model in the floats that they stand for", async () => {
    const [coded, decoded] = [await subjectOf(stored), await subjectOf(`${stored} decoded`)];
    expect(coded.targets.map(({ name }) => name)).toEqual(decoded.targets.map(({ name }) => name));
    const all = [...OBJECTIVES, "output-error", "diagonal-error", "gini"] as const;
    const [a, b] = [await figures(coded, 0.5, all), await figures(decoded, 0.5, all)];
    for (const [k, name] of all.entries())
      expect(Math.abs((a[k] as number) / (b[k] as number) - 1), `${name}: ${a[k]}, ${b[k]}`).toBeLessThan(1e-4);
  });
});

describe("a model whose residual and norm are one operator", () => {
  it("has the figures of its twin in which they are two, blocks alone included", async () => {
    const [fused, apart] = [await subjectOf("float32", "fused"), await subjectOf("float32", "apart")];
    const [a, b] = [await figures(fused, 0.5), await figures(apart, 0.5)];
    for (const [k, name] of OBJECTIVES.entries())
      expect(Math.abs((a[k] as number) / (b[k] as number) - 1), name).toBeLessThan(1e-4);
  });
});

describe("a proxy session", () => {
  it.each(["float32", "float16"] as const)(
    "runs every window of a %s model with the weights it is given",
    async (dtype) => {
      const subject = await subjectOf(dtype);
      const logits = subject.model.graph.outputs.filter(({ name }) => name === "logits");
      const session = await ProxySession.open(subject, { targets: subject.targets, outputs: logits });
      closers.push(() => session.close());
      const denseOf = (target: Target) => subject.dense.of(target);
      const zero = (target: Target) => new Uint8Array(denseOf(target).length);
      const run = async (weights: (target: Target) => Uint8Array) => {
        const { data, dims } = (await session.run(weights))("logits");
        expect(dims).toEqual([3, 20, VOCABULARY]);
        return Float32Array.from(data as Float32Array);
      };
      const [dense, none] = [await run(denseOf), await run(zero)];
      expect(none).not.toEqual(dense);
      expect(await run(denseOf)).toEqual(dense);
      // Both blocks add nothing without their weights, which makes the head see the embeddings.
      const [first] = subject.targets as [Target];
      expect(await run((target) => (target === first ? denseOf(target) : zero(target)))).toEqual(none);
    },
  );

  it("lets what comes after a cut see only what is fed", async () => {
    const subject = await subjectOf("float16");
    const [before, after] = [...blockOutputs(subject.model, subject.targets).values()].map(({ state }) => state);
    if (before === undefined || after === undefined) throw new Error("two blocks");
    const session = await ProxySession.open(subject, {
      targets: subject.targets,
      outputs: [before, after],
      cut: [before],
    });
    closers.push(() => session.close());
    const zero = (target: Target) => new Uint8Array(subject.dense.of(target).length);
    const fed = { [fedName(before)]: floats(runtime, new Float32Array(3 * 20 * C).fill(0.5), [3, 20, C]) };
    const outputs = await session.run(zero, fed);
    expect(new Set(outputs(after.name).data as Float32Array)).toEqual(new Set([0.5]));
    expect(new Set(outputs(before.name).data as Float32Array)).not.toEqual(new Set([0.5]));
  });

  it("says so where the model does not run on the tokens", async () => {
    const subject = { ...(await subjectOf("float32")), tokens: [[1, VOCABULARY + 5]] };
    const session = await ProxySession.open(subject, { targets: [], outputs: [...subject.model.graph.outputs] });
    closers.push(() => session.close());
    await expect(session.run((target) => subject.dense.of(target))).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/^model: the model cannot be run.*indices element out of data bounds/),
    });
  });
});
