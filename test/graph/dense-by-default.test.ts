import { describe, expect, it } from "vitest";
import { findTargets } from "../../src/graph/index.js";
import { ifNode, int64, node, uint8, value } from "../helpers/model.js";
import { layerSpec, modelOf, zeros } from "./model-of.js";

/** A layer of the name, reading `from`. */
const layer = (name: string, to: string, from = "x", weight = "w") =>
  node("MatMul", [from, weight], [to], {}, { name: `/model/${name}/MatMul` });
const relu = (from: string) => node("Relu", [from], ["y"]);

async function reasons(...spec: Parameters<typeof layerSpec>) {
  const { targets } = findTargets(await modelOf(layerSpec(...spec)));
  return targets.map(({ denseByDefault }) => denseByDefault);
}

describe("denseByDefault", () => {
  it.each([
    ["directly", [layer("out", "y")]],
    ["after a bias", [layer("out", "a"), node("Add", ["bias", "a"], ["y"])]],
    [
      "after Cast, Reshape and Softmax",
      [
        layer("out", "a"),
        node("Cast", ["a"], ["b"], { to: 1 }),
        node("Reshape", ["b", "shape"], ["c"]),
        node("Softmax", ["c"], ["y"]),
      ],
    ],
  ])("keeps a head whose result is an output %s", async (_, nodes) => {
    const initializers = [zeros("w", 8, 4), zeros("bias", 4), int64("shape", [1], [-1])];
    expect(await reasons(nodes, ...initializers)).toEqual(['head: feeds the output "y"']);
  });

  it("keeps a head inside of the branches of an If", async () => {
    const branch = { nodes: [layer("out", "logits")], outputs: [value("logits", [null])] };
    expect(await reasons([ifNode("x", ["y"], branch, branch)], zeros("w", 8, 4))).toEqual([
      'head: feeds the output "y"',
    ]);
  });

  it("keeps a head known by its name, where more follows it", async () => {
    expect(await reasons([layer("score", "a"), relu("a")], zeros("w", 8, 4))).toEqual(["head: named as one"]);
  });

  it("prunes a layer that reaches the output through a residual, or from within a block", async () => {
    const residual = [layer("proj", "a"), node("Add", ["x", "a"], ["y"])];
    expect(await reasons(residual, zeros("w", 8, 8))).toEqual([null]);
    expect(await reasons([layer("layers.3/fc2", "y")], zeros("w", 8, 4))).toEqual([null]);
  });

  it("keeps codes that a lookup reads too, in a shape of its own", async () => {
    const ms = { domain: "com.microsoft", name: "/lm_head/MatMul_Q4" };
    const nodes = [
      node("Reshape", ["w", "shape"], ["table"]),
      node("GatherBlockQuantized", ["table", "ids", "scales"], ["e"], {}, { domain: "com.microsoft" }),
      node("MatMulNBits", ["x", "w", "scales"], ["a"], { K: 32, N: 4, bits: 4, block_size: 16 }, ms),
      relu("a"),
    ];
    const stored = [uint8("w", [4, 2, 8], new Uint8Array(64)), zeros("scales", 4, 2)];
    const constants = [int64("ids", [1], [0]), int64("shape", [2], [4, 16])];
    const model = await modelOf({ ...layerSpec(nodes, ...stored, ...constants), domains: { "com.microsoft": 1 } });
    const { targets, skipped } = findTargets(model);
    expect(skipped).toEqual([]);
    expect(targets).toMatchObject([{ name: "lm_head", denseByDefault: "tied: the embedding reads the same weight" }]);
  });

  it("keeps codes that the embedding reads, as exporters of eight bits tie them", async () => {
    const nodes = [
      node("Gather", ["w", "ids"], ["eq"]),
      node("DequantizeLinear", ["eq", "scale"], ["e"]),
      node("Transpose", ["w"], ["t"]),
      node("DequantizeLinear", ["t", "scale"], ["wt"]),
      layer("lm_head", "a", "x", "wt"),
      relu("a"),
    ];
    const stored = [uint8("w", [4, 8], new Uint8Array(32)), zeros("scale", 1), int64("ids", [1], [0])];
    expect(await reasons(nodes, ...stored)).toEqual(["tied: the embedding reads the same weight"]);
  });

  it("keeps a weight that the embedding reads, through Transpose and Cast as well", async () => {
    const nodes = [
      node("Cast", ["w"], ["c"], { to: 10 }),
      node("Gather", ["c", "ids"], ["e"]),
      node("Transpose", ["w"], ["t"]),
      layer("lm_head", "a", "x", "t"),
      relu("a"),
    ];
    const { targets, skipped } = findTargets(await modelOf(layerSpec(nodes, zeros("w", 4, 8), int64("ids", [1], [0]))));
    expect(targets).toMatchObject([
      { name: "lm_head", order: "out-in", denseByDefault: "tied: the embedding reads the same weight" },
    ]);
    expect(skipped).toEqual([]);
  });

  it("keeps a weight that something else reads too, and says what", async () => {
    const nodes = [layer("layers.0/fc1", "a"), node("Mul", ["a", "w"], ["y"], {}, { name: "scale" })];
    expect(await reasons(nodes, zeros("w", 8, 8))).toEqual(['shared: Mul "scale" reads the same weight']);
  });

  it("keeps routers of experts, but no gate of a feed-forward block", async () => {
    const names = ["mlp/gate", "block_sparse_moe/gate", "mlp/router", "mlp/gate_proj"];
    const nodes = names.map((name, i) => layer(`layers.0/${name}`, `a${i}`, "x", `w${i}`));
    const weights = names.map((_, i) => zeros(`w${i}`, 8, 4));
    const router = "router: chooses experts";
    expect(await reasons([...nodes, relu("a0")], ...weights)).toEqual([router, router, router, null]);
    expect(await reasons([layer("layers.0/mlp/gate", "a"), relu("a")], zeros("w", 8, 32))).toEqual([null]);
  });

  it("keeps what turns coordinates into features, but no projection of positions", async () => {
    const names = ["prompt_encoder/shared_embedding/positional_embedding", "layers.0/attn/pos_proj"];
    const nodes = names.map((name, i) => layer(name, `a${i}`, "x", `w${i}`));
    const weights = names.map((_, i) => zeros(`w${i}`, 8, 4));
    const positions = "positions: turns coordinates into features";
    expect(await reasons([...nodes, relu("a0")], ...weights)).toEqual([positions, null]);
  });

  it("looks at each value once, however many paths lead to it", async () => {
    const doubling = Array.from({ length: 60 }, (_, i) => node("Add", [`a${i}`, `a${i}`], [`a${i + 1}`]));
    expect(await reasons([layer("out", "a0"), ...doubling, relu("a60")], zeros("w", 8, 4))).toEqual([null]);
  });
});
