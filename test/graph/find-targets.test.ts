import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildModel, findTargets, type Target } from "../../src/graph/index.js";
import { type OnnxModel, openModel } from "../../src/onnx/index.js";
import { external, ifNode, int64, modelBytes, node, uint8, value } from "../helpers/model.js";
import { layerSpec, modelOf, onnxModel, onnxNode, zeros } from "./model-of.js";

const named = (name: string, inputs: readonly string[], output: string) =>
  node("MatMul", inputs, [output], {}, { name: `/model/${name}/MatMul` });

describe("findTargets", () => {
  it("makes one target of a weight that several nodes use, with a use for each", async () => {
    const nodes = [
      named("layers.0/fc1", ["x", "w"], "a"),
      named("layers.1/fc1", ["a", "w"], "b"),
      node("Relu", ["b"], ["y"]),
    ];
    const { targets } = findTargets(await modelOf(layerSpec(nodes, zeros("w", 8, 8))));
    expect(targets.map(({ name }) => name)).toEqual(["layers.0.fc1"]);
    expect(targets[0]?.uses.map(({ activation }) => activation.name)).toEqual(["x", "a"]);
  });

  it("makes one target of an outer weight that both branches of an If use, each with nodes of its own", async () => {
    const branch = (activation: string) => ({
      nodes: [
        node(activation, ["x"], ["h"]),
        node("Transpose", ["w"], ["t"]),
        named("layers.0/q_proj", ["h", "t"], "q"),
        node("Relu", ["q"], ["out"]),
      ],
      outputs: [value("out", [null])],
    });
    const model = await modelOf(layerSpec([ifNode("x", ["y"], branch("Neg"), branch("Abs"))], zeros("w", 4, 8)));
    const { targets } = findTargets(model);
    expect(targets).toMatchObject([{ name: "layers.0.q_proj", kind: "q", layer: 0, order: "out-in" }]);
    const graphs = model.graph.nodes[0]?.bodies.map(({ graph }) => graph);
    expect(targets[0]?.uses.map(({ activation }) => activation.graph)).toEqual(graphs);
  });

  it("gives layers that read the same activation the same Value, so that they share a tap", async () => {
    const nodes = [named("layers.0/q_proj", ["x", "q"], "a"), named("layers.0/k_proj", ["x", "k"], "b")];
    const { targets } = findTargets(
      await modelOf(layerSpec([...nodes, node("Add", ["a", "b"], ["y"])], zeros("q", 8, 8), zeros("k", 8, 8))),
    );
    expect(targets[0]?.uses[0]?.activation).toBe(targets[1]?.uses[0]?.activation);
  });

  it("refuses a weight that is read both ways round, or that one of its nodes refuses", async () => {
    const bothWays = [
      named("layers.0/a", ["x", "w"], "a"),
      node("Transpose", ["w"], ["t"]),
      named("layers.0/b", ["a", "t"], "y"),
    ];
    const transA = [named("layers.0/a", ["x", "w"], "a"), node("Gemm", ["a", "w"], ["y"], { transA: 1 })];
    for (const [nodes, reason] of [
      [bothWays, "both as it is stored and transposed"],
      [transA, "transA"],
    ] as const) {
      const { targets, skipped } = findTargets(await modelOf(layerSpec(nodes, zeros("w", 8, 8))));
      expect(targets).toEqual([]);
      expect(skipped).toEqual([{ name: "layers.0.a", reason: expect.stringContaining(reason) }]);
    }
  });

  it("numbers names that clash, and falls back to operator and position", async () => {
    const nodes = [
      named("layers.0/mlp", ["x", "onnx::MatMul_1"], "a"),
      named("layers.0/mlp", ["a", "onnx::MatMul_2"], "b"),
      node("MatMul", ["b", "onnx::MatMul_3"], ["c"], {}, { name: "" }),
      node("Relu", ["c"], ["y"]),
    ];
    const weights = [1, 2, 3].map((i) => zeros(`onnx::MatMul_${i}`, 8, 8));
    const { targets } = findTargets(await modelOf(layerSpec(nodes, ...weights)));
    expect(targets.map(({ name }) => name)).toEqual(["layers.0.mlp", "layers.0.mlp#2", "MatMul_2"]);
  });

  it("refuses a weight behind more nodes than any exporter writes", async () => {
    const behind = (count: number) => [
      ...Array.from({ length: count }, (_, k) => node("Identity", [k === 0 ? "w" : `i${k}`], [`i${k + 1}`])),
      named("layers.0/fc1", ["x", `i${count}`], "a"),
      node("Relu", ["a"], ["y"]),
    ];
    const found = async (count: number) => findTargets(await modelOf(layerSpec(behind(count), zeros("w", 8, 8))));
    expect((await found(100)).targets.map(({ name }) => name)).toEqual(["layers.0.fc1"]);
    expect(await found(101)).toMatchObject({
      targets: [],
      skipped: [{ name: "layers.0.fc1", reason: expect.stringContaining('computed by Identity from "w"') }],
    });
  });

  it("lists a table that only Gather reads as an embedding", async () => {
    const nodes = [
      node("Gather", ["table", "ids"], ["e"], {}, { name: "/model/embed_tokens/Gather" }),
      node("Add", ["x", "e"], ["y"]),
    ];
    const { targets, skipped } = findTargets(
      await modelOf(layerSpec(nodes, zeros("table", 16, 8), int64("ids", [1], [3]))),
    );
    expect(targets).toEqual([]);
    expect(skipped).toEqual([{ name: "embed_tokens", reason: expect.stringContaining("embedding") }]);
  });

  it("lists tables of codes that only lookups read as embeddings", async () => {
    const nodes = [
      node("Gather", ["words", "ids"], ["a"], {}, { name: "/model/embed_tokens/Gather" }),
      node(
        "GatherBlockQuantized",
        ["types", "ids", "scales"],
        ["b"],
        {},
        { name: "/model/embed_types/Gather", domain: "com.microsoft" },
      ),
      node("DequantizeLinear", ["a", "scale"], ["c"]),
      node("Add", ["b", "c"], ["y"]),
    ];
    const tables = [uint8("words", [16, 8], new Uint8Array(128)), uint8("types", [2, 8], new Uint8Array(16))];
    const rest = [zeros("scales", 2, 1), zeros("scale", 1), int64("ids", [1], [3])];
    const model = await modelOf({ ...layerSpec(nodes, ...tables, ...rest), domains: { "com.microsoft": 1 } });
    expect(findTargets(model)).toEqual({
      targets: [],
      skipped: [
        { name: "embed_tokens", reason: "embedding: a table that Gather reads" },
        { name: "embed_types", reason: "embedding: a table that GatherBlockQuantized reads" },
      ],
    });
  });

  it("refuses codes that two nodes read with different scales", async () => {
    const ms = { domain: "com.microsoft" };
    const sizes = { K: 8, N: 8, bits: 4, block_size: 16 };
    const nodes = [
      node("MatMulNBits", ["x", "w", "s1"], ["a"], sizes, { ...ms, name: "/layers.0/fc1/MatMul" }),
      node("MatMulNBits", ["a", "w", "s2"], ["y"], sizes, { ...ms, name: "/layers.1/fc1/MatMul" }),
    ];
    const stored = [uint8("w", [8, 1, 8], new Uint8Array(64)), zeros("s1", 8, 1), zeros("s2", 8, 1)];
    const model = await modelOf({ ...layerSpec(nodes, ...stored), domains: { "com.microsoft": 1 } });
    expect(findTargets(model)).toEqual({
      targets: [],
      skipped: [{ name: "layers.0.fc1", reason: "is read with two meanings: scales, zeros or shape differ" }],
    });
  });

  it("takes a weight whose values lie in another file", async () => {
    const bytes = modelBytes(
      layerSpec([named("layers.0/fc1", ["x", "w"], "y")], external(zeros("w", 8, 4), "w.bin", 0, 128)),
    );
    const onnx = await openModel(bytes, { externalData: [{ path: "w.bin", data: new Uint8Array(128) }] });
    expect(findTargets(buildModel(onnx)).targets).toMatchObject([{ name: "layers.0.fc1", shape: { out: 4, in: 8 } }]);
  });

  it("says what it does not look into: sparse initializers and model functions", () => {
    const nodes = [onnxNode("MatMul", ["x", "layers.0.fc1.weight"], ["y"])];
    const sparseInitializers = ["layers.0.fc1.weight"];
    const onnx = onnxModel({ nodes, inputs: ["x"], outputs: ["y"], sparseInitializers, functionCount: 2 });
    expect(findTargets(buildModel(onnx))).toEqual({
      targets: [],
      skipped: [
        { name: "model functions", reason: expect.stringContaining("2 functions") },
        { name: "layers.0.fc1", reason: expect.stringContaining("sparse initializer") },
      ],
    });
  });
});

/** Number of weights in the targets that are pruned by default. */
const weightCount = (targets: readonly Target[]) => targets.reduce((sum, { shape }) => sum + shape.out * shape.in, 0);

/** How many targets there are of each kind. */
function kindCounts(targets: readonly Target[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of targets) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

describe.each([
  {
    path: "models/austen-1.4m/onnx/model.onnx",
    names: [
      "layers.0.self_attn.q_proj",
      "layers.0.self_attn.k_proj",
      "layers.0.self_attn.v_proj",
      "layers.0.self_attn.o_proj",
      "layers.0.mlp.gate_proj",
      "layers.0.mlp.up_proj",
      "layers.0.mlp.down_proj",
    ],
    kinds: { q: 6, k: 6, v: 6, o: 6, gate: 6, up: 6, down: 6 },
    activations: 24,
    positions: [],
  },
  {
    path: "test/fixtures/austen-gpt2/onnx/model.onnx",
    names: ["h.0.attn.c_attn", "h.0.attn.c_proj", "h.0.mlp.c_fc", "h.0.mlp.c_proj"],
    kinds: { other: 6, o: 6, fc: 12 },
    activations: 24,
    positions: ["wpe"],
  },
])("findTargets on $path", ({ path, names, kinds, activations, positions }) => {
  let onnx: OnnxModel;
  beforeAll(async () => {
    onnx = await openModel(path);
  });
  afterAll(() => onnx.close());

  it("finds all layers of all six blocks and the tied head, and nothing else", () => {
    const { targets, skipped } = findTargets(buildModel(onnx));
    const pruned = targets.filter(({ denseByDefault }) => denseByDefault === null);
    expect(pruned.filter(({ layer }) => layer === 0).map(({ name }) => name)).toEqual(names);
    expect(pruned).toHaveLength(6 * names.length);
    expect(weightCount(pruned)).toBe(1_179_648);
    expect(kindCounts(pruned)).toEqual(kinds);
    expect(new Set(pruned.flatMap(({ uses }) => uses.map(({ activation }) => activation))).size).toBe(activations);
    expect(targets.filter((target) => !pruned.includes(target))).toMatchObject([
      {
        name: "lm_head",
        shape: { out: 2048, in: 128 },
        order: "out-in",
        denseByDefault: expect.stringMatching(/^tied/),
      },
    ]);
    expect(skipped.map(({ name }) => name)).toEqual(positions);
  });
});
