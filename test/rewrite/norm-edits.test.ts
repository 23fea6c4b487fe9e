/** Norms in front of linear layers, and their scaling: ONNX Runtime puts out exactly the products of scaled inputs. */
import type { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import { buildModel, findNorms, findTargets, type Norm } from "../../src/graph/index.js";
import { type ModelEdits, type OnnxModel, openModel } from "../../src/onnx/index.js";
import { normEdits } from "../../src/rewrite/norm-edits.js";
import { openEdited } from "../../src/runtime/index.js";
import { float, float16, float32, type ModelSpec, modelBytes, node, value } from "../helpers/model.js";
import { floats, testRuntime } from "../helpers/runtime.js";

const runtime = testRuntime();
const MS = { domain: "com.microsoft" };
const epsilon = { epsilon: float(1e-6) };

/** x over the root of its mean square, "n"; `root` is where Sqrt or Reciprocal lead. */
const rms = (last: readonly onnx.INodeProto[]) => [
  node("Pow", ["x", "two"], ["sq"]),
  node("ReduceMean", ["sq", "axes"], ["ms"]),
  node("Add", ["ms", "eps"], ["mse"]),
  node("Sqrt", ["mse"], ["root"]),
  ...last,
];
const divided = rms([node("Div", ["x", "root"], ["n"])]);
const inverted = rms([node("Div", ["one", "root"], ["r"]), node("Mul", ["x", "r"], ["n"])]);
const reciprocal = rms([node("Reciprocal", ["root"], ["r"]), node("Mul", ["x", "r"], ["n"])]);
const centred = [
  node("ReduceMean", ["x", "axes"], ["mean"]),
  node("Sub", ["x", "mean"], ["d"]),
  node("Pow", ["d", "two"], ["sq"]),
  node("ReduceMean", ["sq", "axes"], ["ms"]),
  node("Add", ["ms", "eps"], ["mse"]),
  node("Sqrt", ["mse"], ["root"]),
  node("Div", ["d", "root"], ["n"]),
  node("Mul", ["n", "gamma"], ["ng"]),
  node("Add", ["ng", "beta"], ["h"]),
];

const layers = [
  node("MatMul", ["h", "w"], ["y"], {}, { name: "/q/MatMul" }),
  node("MatMul", ["h", "v"], ["z"], {}, { name: "/k/MatMul" }),
];
const matrix = (name: string, seed: number) =>
  float32(
    name,
    [4, 3],
    Array.from({ length: 12 }, (_, k) => Math.sin(seed + k)),
  );
const spec = (nodes: readonly onnx.INodeProto[], more: readonly onnx.ITensorProto[] = []): ModelSpec => ({
  inputs: [value("x", [2, 4])],
  nodes: [...nodes, ...layers],
  initializers: [
    ...[matrix("w", 1), matrix("v", 2), float32("gamma", [4], [1, 2, 0.5, -1]), float32("beta", [4], [3, 2, 1, 0])],
    ...[float32("two", [], [2]), float32("one", [], [1]), float32("eps", [], [1e-6])],
    ...[{ name: "axes", dataType: 7, dims: [1], int64Data: [-1] }, ...more],
  ],
  outputs: [value("y", [2, 3]), value("z", [2, 3])],
  ...{ domains: { "com.microsoft": 1 }, opset: 20 },
});

const WAYS: readonly (readonly [string, ModelSpec])[] = [
  ["RMSNorm with Div", spec([...divided, node("Mul", ["gamma", "n"], ["h"])])],
  ["RMSNorm with 1 / root", spec([...inverted, node("Mul", ["n", "gamma"], ["h"])])],
  ["RMSNorm with Reciprocal", spec([...reciprocal, node("Mul", ["n", "gamma"], ["h"])])],
  [
    "Gemma's norm, which multiplies with 1 + w",
    spec([...inverted, node("Add", ["one", "gamma"], ["g1"]), node("Mul", ["n", "g1"], ["h"])]),
  ],
  [
    "a weight in half floats behind Cast, and a Cast on the way to the layers",
    spec(
      [
        ...inverted,
        node("Cast", ["gamma16"], ["g"], { to: 1 }),
        node("Mul", ["g", "n"], ["m"]),
        node("Cast", ["m"], ["h"], { to: 1 }),
      ],
      [float16("gamma16", [4], [1, 2, 0.5, -1])],
    ),
  ],
  ["LayerNorm, decomposed", spec(centred)],
  ["LayerNormalization", spec([node("LayerNormalization", ["x", "gamma", "beta"], ["h"], { axis: -1 })])],
  [
    "SimplifiedLayerNormalization",
    spec([node("SimplifiedLayerNormalization", ["x", "gamma"], ["h"], { axis: -1, ...epsilon })]),
  ],
  [
    "SkipSimplifiedLayerNormalization",
    spec([node("SkipSimplifiedLayerNormalization", ["x", "x", "gamma"], ["h", "", "", "sum"], epsilon, MS)]),
  ],
  ["SkipLayerNormalization", spec([node("SkipLayerNormalization", ["x", "x", "gamma", "beta"], ["h"], epsilon, MS)])],
  [
    "RMSNorm behind Reshape, whose shape is looked at",
    spec([
      ...inverted,
      node("Mul", ["n", "gamma"], ["m"]),
      node("Shape", ["m"], ["shape"]),
      node("Reshape", ["m", "shape"], ["h"]),
    ]),
  ],
];

async function opened(model: ModelSpec) {
  const linked = buildModel(await openModel(modelBytes(model)));
  const { targets } = findTargets(linked);
  return { onnx: linked.onnx, targets, found: await findNorms(linked, targets) };
}

const X = [1, -2, 3, 0.5, 0.2, 0.1, -0.3, 2];

async function outputs(onnx: OnnxModel, edits: ModelEdits): Promise<Record<string, number[]>> {
  const session = await openEdited(runtime, onnx, edits, { graphOptimizationLevel: "disabled" });
  try {
    const results = await session.run({ x: floats(runtime, X, [2, 4]) });
    return Object.fromEntries(
      Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array)]),
    );
  } finally {
    await session.release();
  }
}

const FACTORS = Float32Array.of(0.5, 3, 0, 1.25);
/** The same model with the rows of its weights multiplied: what the scaled norm must lead to. */
const withScaledRows = (model: ModelSpec): ModelSpec => ({
  ...model,
  initializers: (model.initializers ?? []).map((tensor) => {
    if (tensor.name !== "w" && tensor.name !== "v") return tensor;
    const scaled = Array.from(
      { length: 12 },
      (_, k) => Math.sin((tensor.name === "w" ? 1 : 2) + k) * (FACTORS[Math.floor(k / 3)] as number),
    );
    return float32(tensor.name, [4, 3], scaled);
  }),
});

describe("a norm that only linear layers read", () => {
  it.each(WAYS)("is found, and scaled exactly: %s", async (_, model) => {
    const { onnx, targets, found } = await opened(model);
    expect(found.refused).toEqual([]);
    expect(found.norms.map(({ readers }) => readers)).toEqual([targets]);
    const [norm] = found.norms as [Norm];
    const scaled = await outputs(onnx, normEdits(new Map([[norm, FACTORS]])));
    const expected = await outputs(await openModel(modelBytes(withScaledRows(model))), {});
    for (const [name, numbers] of Object.entries(expected))
      for (const [k, number] of numbers.entries()) expect(scaled[name]?.[k]).toBeCloseTo(number, 4);
  });

  it("gets a weight of its own where another norm shares the tensor", async () => {
    const model = spec([
      node("Identity", ["gamma"], ["same"]),
      node("LayerNormalization", ["x", "same", "beta"], ["h"], { axis: -1 }),
      node("LayerNormalization", ["x", "gamma", "beta"], ["o"], { axis: -1 }),
    ]);
    const { onnx, found } = await opened({ ...model, outputs: [...(model.outputs ?? []), value("o", [2, 4])] });
    const before = await outputs(onnx, {});
    const after = await outputs(onnx, normEdits(new Map([[found.norms[0] as Norm, FACTORS]])));
    expect(after.o).toEqual(before.o);
    expect(after.y).not.toEqual(before.y);
  });

  it.each<[string, ModelSpec, string]>([
    [
      "the residual reads it too",
      spec([node("LayerNormalization", ["x", "gamma"], ["h"], { axis: -1 }), node("Neg", ["h"], ["r"])]),
      'Neg node "Neg_r" reads its output',
    ],
    [
      "it is an output",
      {
        ...spec([node("LayerNormalization", ["x", "gamma"], ["h"], { axis: -1 })]),
        outputs: [value("h", [2, 4]), value("y", [2, 3])],
      },
      "its output is an output of graph",
    ],
    [
      "its weight can be overridden",
      {
        ...spec([node("LayerNormalization", ["x", "gamma"], ["h"], { axis: -1 })]),
        inputs: [value("x", [2, 4]), value("gamma", [4])],
      },
      "its weight is not stored",
    ],
    [
      "a layer behind it reads something else as well",
      spec([
        node("LayerNormalization", ["x", "gamma"], ["h"], { axis: -1 }),
        node("MatMul", ["x", "w"], ["again"], {}, { name: "/q/MatMul_1" }),
      ]),
      'weight "q", which reads it, reads something else as well',
    ],
  ])("is refused where %s", async (_, model, reason) => {
    const { found } = await opened(model);
    expect(found.norms).toEqual([]);
    expect(found.refused.map((one) => one.reason)).toEqual([expect.stringContaining(reason)]);
  });

  it("is none that stands behind the layers, in front of the residual (Gemma's sandwich)", async () => {
    const model = spec(
      [
        node("SimplifiedLayerNormalization", ["x", "gamma"], ["h"], { axis: -1, ...epsilon }),
        node("MatMul", ["h", "o"], ["attended"], {}, { name: "/o/MatMul" }),
        node("SimplifiedLayerNormalization", ["attended", "after"], ["normed"], { axis: -1, ...epsilon }),
        node("Add", ["x", "normed"], ["residual"]),
      ],
      [float32("o", [4, 4], new Float32Array(16).fill(1)), float32("after", [4], [1, 1, 1, 1])],
    );
    const { found } = await opened(model);
    expect(found.refused).toEqual([]);
    expect(found.norms.map(({ places: [{ weight }] }) => weight.tensor.name)).toEqual(["gamma"]);
  });
});

describe("norms of exported models", () => {
  it.each([
    ["austen-gpt2/onnx/model.onnx", 1],
    ["tiny-vit/onnx/model.onnx", 1],
    ["tiny-whisper/onnx/decoder_model_merged_quantized.onnx", 2],
    ["tiny-t5/onnx/decoder_model_merged.onnx", 2],
  ])("are found in every branch, and the model loads with all of them scaled: %s", async (file, branches) => {
    const onnx = await openModel(`test/fixtures/${file}`);
    const model = buildModel(onnx);
    const { targets } = findTargets(model);
    const { norms } = await findNorms(model, targets);
    const readers = new Set(norms.flatMap((norm) => norm.readers));
    const attention = targets.filter(({ kind, name }) => kind === "q" || name.endsWith("c_attn"));
    expect(attention.length).toBeGreaterThan(0);
    for (const target of attention) expect(readers).toContain(target);
    for (const { places } of norms) expect(places).toHaveLength(branches);
    const factors = new Map(norms.map((norm) => [norm, new Float32Array(norm.channels).fill(1.5)]));
    await (await openEdited(runtime, onnx, normEdits(factors), {})).release();
    await onnx.close();
  });
});
