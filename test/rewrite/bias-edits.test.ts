/** Biases given to layers: ONNX Runtime adds exactly what was given, whichever form the layer and its bias have. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { buildModel, findBias, findTargets, findWritableTargets, type Target } from "../../src/graph/index.js";
import { openModel, serializeModel } from "../../src/onnx/index.js";
import { biasEdits } from "../../src/rewrite/bias-edits.js";
import { openEdited, type RuntimeTensor } from "../../src/runtime/index.js";
import { float16, float32, ifNode, type ModelSpec, modelBytes, node, value } from "../helpers/model.js";
import { floats, testRuntime } from "../helpers/runtime.js";
import { LAYERS, TOKENS } from "../prune/one-layer.js";

const runtime = testRuntime();

/** Adds 1, 2, 3, … to the output rows of each target. */
const counting = (targets: readonly Target[]) =>
  new Map(targets.map((target) => [target, Float32Array.from({ length: target.shape.out }, (_, o) => o + 1)]));

/** All outputs of a model, before and after an edit of all its targets, and after the edited file is read and edited again. */
async function addedTo(spec: ModelSpec, x: readonly number[], dims: readonly number[], more: object = {}) {
  const outputs = async (bytes: Uint8Array, times: number): Promise<number[][]> => {
    const onnx = await openModel(bytes as Uint8Array<ArrayBuffer>);
    if (times > 0) {
      const edits = biasEdits(counting((await findWritableTargets(buildModel(onnx))).targets));
      return outputs((await serializeModel(onnx, edits)).bytes, times - 1);
    }
    // Optimised, the runtime may round activations to eight bits, which is not what is tested.
    const session = await openEdited(runtime, onnx, {}, { graphOptimizationLevel: "disabled" });
    try {
      const results = await session.run({ x: floats(runtime, x, dims), ...more });
      return Object.values(results).map(({ data }) => Array.from(data as Float32Array));
    } finally {
      await session.release();
    }
  };
  const bytes = modelBytes(spec);
  return Promise.all([0, 1, 2].map((times) => outputs(bytes, times)));
}

const one = Float32Array.of(0.5, -1, 2, 1, 0, 1, 1, 1, 3, 0, 1, 2);
const linear = (nodes: ModelSpec["nodes"], ...initializers: NonNullable<ModelSpec["initializers"]>): ModelSpec => ({
  inputs: [value("x", [2, 3])],
  nodes: nodes ?? [],
  initializers: [float32("w", [3, 4], one), ...initializers],
  outputs: [value("y", [2, 4])],
});
const X = [1, 2, 3, -1, 0, 1];
const bias = (...dims: number[]) => float32("b", dims, [10, 20, 30, 40]);

/** Every way in which the bias of a linear layer may stand. */
const PLACES: readonly (readonly [string, ModelSpec])[] = [
  ["MatMul without a bias", linear([node("MatMul", ["x", "w"], ["y"])])],
  ["MatMul, Add", linear([node("MatMul", ["x", "w"], ["h"]), node("Add", ["b", "h"], ["y"])], bias(4))],
  [
    "Add of a matrix of one row",
    linear([node("MatMul", ["x", "w"], ["h"]), node("Add", ["h", "b"], ["y"])], bias(1, 4)),
  ],
  [
    "Add of something else",
    linear([node("MatMul", ["x", "w"], ["h"]), node("Add", ["h", "b"], ["y"])], float32("b", [2, 1], [10, 20])),
  ],
  ["Gemm without C", linear([node("Gemm", ["x", "w"], ["y"])])],
  ["Gemm with C", linear([node("Gemm", ["x", "w", "b"], ["y"], { alpha: 0.5, beta: 4.5 })], bias(4))],
  ["Gemm with a scalar C", linear([node("Gemm", ["x", "w", "b"], ["y"])], float32("b", [], [7]))],
  [
    "a product that two nodes read",
    linear([
      node("MatMul", ["x", "w"], ["h"]),
      node("Neg", ["h"], ["n"]),
      node("Neg", ["n"], ["m"]),
      node("Max", ["h", "m"], ["y"]),
    ]),
  ],
];

describe("a bias given to a layer", () => {
  it.each(PLACES)("is added to its outputs: %s", async (_, spec) => {
    const [before, once, twice] = await addedTo(spec, X, [2, 3]);
    const expected = (times: number) => before?.map((y) => y.map((number, k) => number + times * ((k % 4) + 1)));
    expect(once).toEqual(expected(1));
    expect(twice).toEqual(expected(2));
  });

  it.each(LAYERS.map((layer) => [layer.form, layer.variant, layer] as const))(
    "is added to its outputs: %s %s",
    async (_, __, { spec, x }) => {
      const [[before = []] = [], [once = []] = [], [twice = []] = []] = await addedTo(spec, x, [
        TOKENS,
        x.length / TOKENS,
      ]);
      const out = before.length / TOKENS;
      const size = Math.max(...before.map(Math.abs)) + 12;
      for (const [k, number] of before.entries()) {
        expect(Math.abs((once[k] as number) - number - ((k % out) + 1)) / size).toBeLessThan(2e-3);
        expect(Math.abs((twice[k] as number) - number - 2 * ((k % out) + 1)) / size).toBeLessThan(4e-3);
      }
    },
  );

  it("is half a float where the layer's outputs are, rounded once", async () => {
    const spec: ModelSpec = {
      ...linear([
        node("Cast", ["x"], ["x16"], { to: 10 }),
        node("MatMul", ["x16", "w16"], ["p"]),
        node("MatMul", ["x16", "v16"], ["q"]),
        node("Add", ["q", "b"], ["r"]),
        node("Add", ["p", "r"], ["s"]),
        node("Cast", ["s"], ["y"], { to: 1 }),
      ]),
      initializers: [float16("w16", [3, 4], one), float16("v16", [3, 4], one), float16("b", [4], [1, 2, 3, 4])],
    };
    const [[before = []] = [], [once] = []] = await addedTo(spec, X, [2, 3]);
    expect(once).toEqual(before.map((number, k) => number + 2 * ((k % 4) + 1)));
  });

  it("is a layer's own where two layers read one tensor", async () => {
    const spec = linear(
      [
        node("Identity", ["b"], ["same"]),
        node("MatMul", ["x", "w"], ["p"]),
        node("Add", ["p", "b"], ["y"]),
        node("MatMul", ["x", "v"], ["q"]),
        node("Add", ["q", "same"], ["z"]),
      ],
      ...[float32("v", [3, 4], one), bias(4)],
    );
    const onnx = await openModel(modelBytes({ ...spec, outputs: [value("y", [2, 4]), value("z", [2, 4])] }));
    const [first] = (await findWritableTargets(buildModel(onnx))).targets as [Target];
    const session = await openEdited(runtime, onnx, biasEdits(counting([first])), {});
    const { y, z } = await session.run({ x: floats(runtime, X, [2, 3]) });
    await session.release();
    const difference = Array.from(
      (y as RuntimeTensor).data as Float32Array,
      (number, k) => number - Number((z as RuntimeTensor).data[k]),
    );
    expect(difference).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
  });

  it.each([0, 1])("is added in either branch of an If, with one bias for both, %i", async (taken) => {
    const branch = (name: string) => ({
      nodes: [node("MatMul", ["x", "w"], [`${name}_h`]), node("Add", [`${name}_h`, "b"], [`${name}_y`])],
      outputs: [value(`${name}_y`, [2, 4])],
    });
    const spec = linear(
      [ifNode("c", ["y"], branch("a"), { ...branch("b"), nodes: [node("MatMul", ["x", "w"], ["b_y"])] })],
      bias(4),
    );
    const c = runtime.tensor("bool", Uint8Array.of(taken), [1]);
    const inputs = [value("x", [2, 3]), value("c", [1], 9)];
    const [before, once, twice] = await addedTo({ ...spec, inputs }, X, [2, 3], { c });
    const expected = (times: number) => before?.map((y) => y.map((number, k) => number + times * ((k % 4) + 1)));
    expect(once).toEqual(expected(1));
    expect(twice).toEqual(expected(2));
  });

  it.each([
    ["without a bias", undefined],
    ["with one", [1, 2]],
  ])("is one number for each output channel of a convolution %s", async (_, own) => {
    const spec: ModelSpec = {
      inputs: [value("x", [1, 2, 3, 3])],
      nodes: [node("Conv", own ? ["x", "w", "b"] : ["x", "w"], ["y"])],
      initializers: [
        float32("w", [2, 2, 2, 2], new Float32Array(16).fill(1)),
        ...(own ? [float32("b", [2], own)] : []),
      ],
      outputs: [value("y", [1, 2, 2, 2])],
    };
    const x = Array.from({ length: 18 }, (_, k) => k);
    const [before, once] = await addedTo(spec, x, [1, 2, 3, 3]);
    expect(once).toEqual(before?.map((y) => y.map((number, k) => number + (k < 4 ? 1 : 2))));
  });

  it("leaves the file as it was but for what is new, and the order of its nodes a topological one", async () => {
    const bytes = modelBytes(PLACES[0]?.[1] as ModelSpec);
    const onnx = await openModel(bytes);
    const { targets } = findTargets(buildModel(onnx));
    const edited = await openModel((await serializeModel(onnx, biasEdits(counting(targets)))).bytes);
    expect(edited.graph.nodes.map(({ opType, outputs }) => [opType, outputs[0]])).toEqual([
      ["MatMul", "transformers_prune/bias/y/product"],
      ["Add", "y"],
    ]);
  });
});

describe("exports of whole models", () => {
  const files = readdirSync("test/fixtures", { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".onnx"),
  );

  it.each(files)("load with a bias for every layer, and have one from then on: %s", async (file) => {
    const onnx = await openModel(`test/fixtures/${file}`);
    const { targets } = findTargets(buildModel(onnx));
    const edits = biasEdits(counting(targets));
    await (await openEdited(runtime, onnx, edits, {})).release();
    const edited = buildModel(await openModel((await serializeModel(onnx, edits)).bytes));
    const again = findTargets(edited).targets;
    expect(again.map(({ name }) => name)).toEqual(targets.map(({ name }) => name));
    for (const target of again) for (const place of findBias(target)) expect(place).toMatchObject({ kind: "stored" });
    await onnx.close();
  });
});
