/** Whole files whose kept weights move: what the updates see, what they leave, and what the report says of it. */
import { afterEach, describe, expect, it } from "vitest";
import { collectMoments, type TargetMoments } from "../../src/calibrate/index.js";
import { type BiasPlace, findBias, findTargets, readValues, readVector, type Target } from "../../src/graph/index.js";
import type { SecondMoments } from "../../src/linalg/second-moments.js";
import { METHOD_NAMES, RECONSTRUCTION_NAMES, REPAIR_NAMES } from "../../src/options/table.js";
import { prunedCount } from "../../src/pattern/index.js";
import type { ProgressEvent } from "../../src/progress.js";
import { prunedEdits, reportOf } from "../../src/prune/index.js";
import { outputEnergy } from "../../src/reconstruct/layer-error.js";
import { LayerInput } from "../../src/reconstruct/layer-input.js";
import { obs } from "../../src/reconstruct/obs.js";
import { isAdaptive } from "../../src/reconstruct/table.js";
import { openProducts } from "../../src/runtime/index.js";
import { float, float32, type ModelSpec, modelBytes, node } from "../helpers/model.js";
import { BERT, GPT2 } from "../hook/loading.js";
import { CHANNELS, languageModel, linear, TOKENS } from "./tiny.js";
import {
  AUSTEN_FILE,
  AUSTEN_TOKENS,
  LLAMA,
  LLAMA_TOKENS,
  llamaFile,
  type Pruned,
  pruned,
  relativeError,
  runtime,
  samplesOfPlan,
  sessionOptions,
  tokens,
  valuesOf,
  weightsOf,
  written,
} from "./updating.js";

const opened: Pruned[] = [];
afterEach(async () => {
  for (const { plan } of opened.splice(0)) await plan.model.onnx.close();
  expect(runtime.openSessions()).toBe(0);
});

async function prune(input: string | Uint8Array, options: Readonly<Record<string, unknown>>, onProgress = ignore) {
  const done = await pruned({ input, options, onProgress });
  opened.push(done);
  return done;
}
const ignore = (_: ProgressEvent): void => {};

/** The report as `prune` gives it, but for what only the writer knows. */
const reportFor = ({ plan, masked, calibration, device, notes }: Pruned) =>
  reportOf(plan, masked, { ...{ zerosOf: new Map(), bytes: 0, seconds: 0 }, calibration, device, notes });

/** Errors of the weights by name. */
const errorsOf = (done: Pruned) =>
  new Map(reportFor(done).weights.map(({ name, error }): [string, number] => [name, error as number]));

/** Second moments of the weights where those of `seen` are as the prune left them, and the others dense. */
async function momentsBehind({ plan, masked }: Pruned, seen: (target: Target) => boolean): Promise<TargetMoments> {
  const { tensors = new Map() } = prunedEdits(masked);
  const behind = plan.targets.filter(seen).map(({ tensor }) => [tensor, tensors.get(tensor)] as const);
  const options = { runtime, sessionOptions, edits: { tensors: new Map(behind) } };
  return collectMoments(plan.model, plan.targets, await samplesOfPlan(plan), options, {});
}

/** SparseGPT's update of a weight, made here. */
async function updatedApart({ plan }: Pruned, target: Target, moments: TargetMoments): Promise<Float32Array> {
  const { damping, blockSize } = plan.options;
  const products = openProducts(runtime, sessionOptions);
  try {
    const input = new LayerInput(moments.get(target) as SecondMoments, products, { damping, label: target.name });
    const { name: label, shape } = target;
    const job = { label, shape, values: await readValues(target), pattern: plan.pattern, grid: null, kept: null };
    return (await obs(job, input, { blockSize })).values;
  } finally {
    await products.release();
  }
}

describe("SparseGPT over a whole file", () => {
  const calibration = { tokens: LLAMA_TOKENS };

  it.each([
    ["2:4", { pattern: "2:4" }],
    ["60%", { sparsity: 0.6 }],
  ])("is one-shot the update on the second moments of the dense model, at %s", async (_, pattern) => {
    const done = await prune(await llamaFile(), { method: "sparsegpt", ...pattern, calibration });
    const moments = await momentsBehind(done, () => false);
    const result = await weightsOf(await written(done));
    for (const target of done.plan.targets)
      expect(result.get(target.name)?.values, target.name).toEqual(await updatedApart(done, target, moments));
    expect(reportFor(done)).toMatchObject({
      ...{ method: "sparsegpt", reconstruct: "obs", sequential: null, target: "weights", repair: [] },
      ...{ groups: 1, passes: 1, device: "runtime", notes: [] },
      coefficientsFrom: "none: the method has no coefficients",
    });
  });

  it.each<[string, boolean | { groups: number }, number, (target: Target) => boolean]>([
    ["layer after layer", true, 4 * LLAMA.layers, () => true],
    ["in groups of blocks", { groups: 2 }, 2, ({ layer }) => layer === 0],
  ])("is sequential, %s, the update on moments behind what is pruned by then", async (_, sequential, groups, seen) => {
    const options = { method: "sparsegpt", pattern: "2:4", sequential, target: "weights", calibration };
    const done = await prune(await llamaFile(), options);
    // What comes after an activation does not change it, so all that is pruned may stand there.
    const moments = await momentsBehind(done, seen);
    const oneShot = await momentsBehind(done, () => false);
    const result = await weightsOf(await written(done));
    for (const target of done.plan.targets.filter(({ layer }) => layer === 1)) {
      const own = result.get(target.name)?.values as Float32Array;
      expect(relativeError([own], [await updatedApart(done, target, moments)]), target.name).toBeLessThan(1e-4);
      expect(relativeError([own], [await updatedApart(done, target, oneShot)]), target.name).toBeGreaterThan(1e-3);
    }
    expect(reportFor(done)).toMatchObject({ sequential: groups === 2 ? 2 : "input", target: "weights", groups });
  });

  it("layer after layer, held to the dense model's outputs, comes nearer to its last hidden states than held to its weights", async () => {
    const options = { preset: "best", sparsity: 0.6, calibration: { tokens: AUSTEN_TOKENS } };
    const [outputs, weights, oneShot] = [
      await prune(AUSTEN_FILE, options),
      await prune(AUSTEN_FILE, { ...options, target: "weights" }),
      await prune(AUSTEN_FILE, { ...options, sequential: false }),
    ];
    const head = findTargets(outputs.plan.model).targets.find(({ name }) => name === "lm_head") as Target;
    const last = head.uses[0]?.activation.name as string;
    const hidden = async (file: string | Uint8Array) => (await valuesOf(file, [last], AUSTEN_TOKENS))(last);
    const dense = await hidden(AUSTEN_FILE);
    const errorOf = async (done: Pruned) => relativeError(await hidden(await written(done)), dense);
    const [ofOutputs, ofWeights, ofOneShot] = [await errorOf(outputs), await errorOf(weights), await errorOf(oneShot)];
    expect(ofOutputs).toBeLessThan(0.9 * ofWeights);
    expect(ofOutputs).toBeLessThan(0.9 * ofOneShot);
    expect(reportFor(outputs)).toMatchObject({ sequential: "input", target: "outputs", groups: 24 });
  });
});

describe("every method with everything that makes up for its masks", () => {
  const pairs = METHOD_NAMES.flatMap((method) =>
    [...RECONSTRUCTION_NAMES, null]
      .filter((reconstruct) => reconstruct !== null || !isAdaptive(method))
      .map((reconstruct) => [method, reconstruct] as const),
  );

  it.each(pairs)(
    "%s with %s leaves as many zeros as were asked for, and no more, in every place",
    async (method, reconstruct) => {
      const file = modelBytes(languageModel());
      const update = { method, reconstruct: reconstruct ?? false, repair: ["least-squares"] };
      for (const amount of [
        { pattern: "2:4" },
        { pattern: "1:8" },
        { sparsity: 0.7, scope: "row" },
        { sparsity: 0.55, scope: "matrix" },
      ]) {
        const done = await prune(file, { ...update, ...amount, calibration: { tokens: TOKENS } });
        const result = await weightsOf(await written(done));
        const report = reportFor(done);
        for (const { name, shape } of done.plan.targets) {
          const values = result.get(name)?.values as Float32Array;
          expect(values.every(Number.isFinite)).toBe(true);
          const zeros = (from: number, to: number) => values.subarray(from, to).filter((one) => one === 0).length;
          const where = `${name} at ${JSON.stringify(amount)}`;
          expect(zeros(0, values.length), where).toBe(prunedCount(done.plan.pattern, shape));
          expect(report.weights.find((one) => one.name === name)?.zeros, where).toBe(zeros(0, values.length));
          const { pattern } = done.plan;
          const cells = pattern.kind === "n:m" ? pattern.of : pattern.scope === "row" ? shape.in : values.length;
          const share =
            pattern.kind === "n:m" ? pattern.of - pattern.keep : prunedCount(pattern, shape) / (values.length / cells);
          for (let k = 0; k < values.length; k += cells) expect(zeros(k, k + cells), where).toBe(share);
        }
      }
    },
  );

  it.each(["obs", "admm"])("%s leaves zeros where groups of chosen channels have them", async (reconstruct) => {
    const options = { method: "wanda", pattern: "2:4", permute: true, calibration: { tokens: TOKENS } };
    const masks = await prune(modelBytes(languageModel()), options);
    const done = await prune(modelBytes(languageModel()), { ...options, reconstruct });
    const [own, plain] = [await weightsOf(await written(done)), await weightsOf(await written(masks))];
    for (const { name } of done.plan.targets) {
      const zeros = (from: typeof own) => from.get(name)?.values.map((one) => (one === 0 ? 1 : 0));
      expect(zeros(own)).toEqual(zeros(plain));
      expect(own.get(name)?.values).not.toEqual(plain.get(name)?.values);
    }
  });

  it("masks alone have no errors in the report", async () => {
    const done = await prune(modelBytes(languageModel()), { method: "wanda", calibration: { tokens: TOKENS } });
    expect(done.masked.updates).toBeNull();
    expect(reportFor(done).weights.every((weight) => !("error" in weight))).toBe(true);
  });
});

describe("repairs", () => {
  const calibration = { tokens: AUSTEN_TOKENS };
  const include = ["layers.0", "layers.1"];

  /** ‖W X‖² of the dense weights, by name, and what they read. */
  async function energiesOf(done: Pruned) {
    const moments = await momentsBehind(done, () => false);
    const products = openProducts(runtime, sessionOptions);
    const energies = new Map<string, { energy: number; reads: SecondMoments }>();
    for (const [target, reads] of moments) {
      const input = new LayerInput(reads, products, { damping: 0.01, label: target.name });
      energies.set(target.name, { energy: await outputEnergy(await readValues(target), input), reads });
    }
    await products.release();
    return energies;
  }

  it.each(REPAIR_NAMES)("%s raises no error: not a weight's, or not that of all behind one norm", async (name) => {
    for (const pattern of [{ pattern: "2:4" }, { sparsity: 0.7 }]) {
      const options = { method: "wanda", reconstruct: "obs", ...pattern, include, calibration };
      const plain = await prune(AUSTEN_FILE, options);
      const [before, after] = [errorsOf(plain), errorsOf(await prune(AUSTEN_FILE, { ...options, repair: [name] }))];
      expect([...after.keys()]).toEqual([...before.keys()]);
      const byPlace = new Map<unknown, { before: number; after: number }>();
      for (const [weight, { energy, reads }] of await energiesOf(plain)) {
        const place = name === "norm" ? reads : weight;
        const sum = byPlace.get(place) ?? { before: 0, after: 0 };
        sum.before += energy * (before.get(weight) as number);
        sum.after += energy * (after.get(weight) as number);
        byPlace.set(place, sum);
      }
      for (const sum of byPlace.values()) expect(sum.after).toBeLessThanOrEqual(sum.before * (1 + 1e-5));
      const total = (errors: ReadonlyMap<string, number>) => [...errors.values()].reduce((all, one) => all + one, 0);
      if (name !== "bias") expect(total(after)).toBeLessThan(0.999 * total(before));
    }
  });

  it.each([
    ["of their own, layer after layer, where they had none", AUSTEN_FILE, ["layers.0"], AUSTEN_TOKENS, "none"],
    ["that they had", `${GPT2}/onnx/model.onnx`, ["h.0"], AUSTEN_TOKENS, "stored"],
    ["that one file stores once for several", `${BERT}/onnx/model.onnx`, ["**"], tokens(6, 40, 320), "stored"],
  ] as const)(
    "leave every layer the mean output of its dense weights, by biases %s",
    async (_, file, only, ids, kind) => {
      const done = await prune(file, {
        ...{ method: "wanda", sparsity: 0.7, repair: ["bias"], calibration: { tokens: ids } },
        ...{ include: [...only], sequential: true, target: "weights" },
      });
      const result = await written(done);
      const dense = await weightsOf(file);
      const places = done.plan.targets.map((target) => {
        const place = findBias(target)[0] as BiasPlace;
        return { target, place, input: target.uses[0]?.activation.name as string, sum: place.result?.name as string };
      });
      const names = places.flatMap(({ input, sum }) => [input, sum]);
      const own = await valuesOf(result, [...new Set(names)], ids);
      for (const { target, place, input, sum } of places) {
        const { out, in: channels } = target.shape;
        expect(place.kind).toBe(kind);
        const bias = place.kind === "stored" ? await readVector(place.vector) : new Float32Array(out);
        const values = dense.get(target.name)?.values as Float32Array;
        const mean = means(own(input), channels);
        const expected = Array.from(bias, (plus, o) =>
          mean.reduce((all, one, k) => all + one * (values[o * channels + k] as number), plus),
        );
        const size = Math.max(...expected.map(Math.abs));
        means(own(sum), out).forEach((one, o) => {
          expect(Math.abs(one - (expected[o] as number)) / size, `${target.name}, output ${o}`).toBeLessThan(1e-4);
        });
      }
    },
  );
});

it("norms that a file stores once for several are seen repaired by later layers, as norms of their own are", async () => {
  const results = [false, true].map(async (storedOnce) => {
    const done = await prune(modelBytes(sandwiched({ storedOnce })), {
      ...{ method: "wanda", sparsity: 0.5, repair: ["norm"], calibration: { tokens: TOKENS } },
      ...{ sequential: true, target: "weights" },
    });
    return { errors: errorsOf(done), logits: (await valuesOf(await written(done), ["logits"], TOKENS))("logits") };
  });
  const [apart, once] = await Promise.all(results);
  expect(once).toEqual(apart);
});

/** Mean of each channel over all tokens of all samples. */
function means(samples: readonly Float32Array[], channels: number): Float64Array {
  const sums = new Float64Array(channels);
  let values = 0;
  for (const sample of samples) {
    sample.forEach((one, k) => {
      sums[k % channels] = (sums[k % channels] as number) + one;
    });
    values += sample.length;
  }
  return sums.map((sum) => (sum * channels) / values);
}

describe("models of other kinds", () => {
  it("with weights in half floats are rounded once, at the end", async () => {
    const half = await llamaFile({ ...LLAMA, dtype: "float16" });
    const done = await prune(half, { method: "sparsegpt", pattern: "2:4", calibration: { tokens: LLAMA_TOKENS } });
    const moments = await momentsBehind(done, () => false);
    const result = await weightsOf(await written(done));
    for (const target of done.plan.targets) {
      const exact = await updatedApart(done, target, moments);
      expect(result.get(target.name)?.values, target.name).toEqual(exact.map(nearestHalf));
    }
  });

  it.each<[string, () => Promise<Uint8Array | string>, readonly (readonly number[])[], string]>([
    ["grouped-query attention as a builder writes it", llamaFile, LLAMA_TOKENS, "logits"],
    ["norms before and behind every layer, as Gemma has them", async () => modelBytes(sandwiched()), TOKENS, "logits"],
    ["an encoder", async () => `${BERT}/onnx/model.onnx`, tokens(6, 40, 320), "last_hidden_state"],
  ])("%s: the best preset keeps them nearer to the dense model than masks alone", async (_, open, ids, output) => {
    const file = await open();
    const calibration = { tokens: ids };
    const best = await prune(file, { preset: "best", pattern: "2:4", calibration });
    const fast = await prune(file, { preset: "fast", pattern: "2:4", calibration });
    expect(best.plan.targets.length).toBeGreaterThan(0);
    const dense = (await valuesOf(file, [output], ids))(output);
    const errorOf = async (done: Pruned) =>
      relativeError((await valuesOf(await written(done), [output], ids))(output), dense);
    expect(await errorOf(best)).toBeLessThan(await errorOf(fast));
    const result = await weightsOf(await written(best));
    for (const { name } of best.plan.targets) {
      const { values } = result.get(name) as { values: Float32Array };
      expect(values.filter((one) => one === 0).length, name).toBe(values.length / 2);
    }
    expect(reportFor(best).notes).toEqual([]);
  });
});

/** The half float that is nearest, ties to even. */
function nearestHalf(value: number): number {
  if (value === 0) return 0;
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(value)))) - 10);
  const below = Math.floor(value / step);
  const rest = value / step - below;
  return step * (below + (rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? 1 : 0));
}

/** Two blocks in which the layers stand between two norms each, so that what is added to the stream is normed. */
function sandwiched({ storedOnce = false } = {}): ModelSpec {
  const plain = languageModel();
  const { initializers = [], nodes = [] } = plain;
  const norm = (from: string, to: string) =>
    node("SimplifiedLayerNormalization", [from, `${storedOnce ? "n0" : to}.weight`], [to], {
      axis: -1,
      epsilon: float(1e-6),
    });
  const gains = (to: string) =>
    float32(
      `${to}.weight`,
      [CHANNELS],
      Array.from({ length: CHANNELS }, (_, k) => 1 + 0.3 * Math.sin(k)),
    );
  const [gather, , , , , head] = nodes;
  return {
    ...plain,
    nodes: [
      gather as NonNullable<typeof gather>,
      norm("e", "n0"),
      linear("layers.0.mlp.fc1", "n0", "u"),
      node("Relu", ["u"], ["r"]),
      linear("layers.0.mlp.fc2", "r", "d"),
      norm("d", "n1"),
      node("Add", ["e", "n1"], ["h"]),
      head as NonNullable<typeof head>,
    ],
    initializers: [...initializers, gains("n0"), ...(storedOnce ? [] : [gains("n1")])],
  };
}
