import type { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import { findTargets } from "../../../src/graph/index.js";
import { float32, int8, node, uint8 } from "../../helpers/model.js";
import { layerSpec, modelOf, valueNamed } from "../model-of.js";

const quantise = node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]);
const multiply = (zero = "zero") =>
  node("MatMulInteger", ["xq", "codes", "xz", zero], ["p"], {}, { name: "/model/lm/MatMul_quant" });
const cast = node("Cast", ["p"], ["f"], { to: 1 });
const scale = [node("Mul", ["xs", "ws"], ["s"]), node("Mul", ["f", "s"], ["y"])];

const build = (nodes: readonly onnx.INodeProto[], ...more: readonly onnx.ITensorProto[]) =>
  modelOf(
    layerSpec(
      nodes,
      int8("codes", [8, 4], new Int8Array(32)),
      int8("zero", [], [3]),
      float32("ws", [4], [1, 2, 3, 4]),
      uint8("unsigned", [], [3]),
      ...more,
    ),
  );

describe("MatMulInteger", () => {
  it("taps the float input of DynamicQuantizeLinear, and is a head by what becomes of its scaled product", async () => {
    const model = await build([quantise, multiply(), cast, ...scale]);
    const { targets, skipped } = findTargets(model);
    expect(skipped).toEqual([]);
    expect(targets).toMatchObject([
      {
        ...{ name: "lm", form: "MatMulInteger", shape: { out: 4, in: 8 }, order: "in-out" },
        coding: { kind: "affine", bits: 8, signed: true, rowGroup: 8, columnGroup: 1 },
        denseByDefault: 'head: feeds the output "y"',
      },
    ]);
    expect(targets[0]?.uses[0]?.activation).toBe(valueNamed(model.graph, "x"));
  });

  it.each<[string, readonly onnx.INodeProto[], string]>([
    [
      "codes of unknown origin",
      [
        node("Cast", ["x"], ["xq"], { to: 2 }),
        node("MatMulInteger", ["xq", "codes"], ["y"], {}, { name: "/lm/MatMul" }),
      ],
      "no DynamicQuantizeLinear makes",
    ],
    ["products without a scale", [quantise, multiply(), node("Cast", ["p"], ["y"], { to: 1 })], "has no stored scale"],
    [
      "products that something else is multiplied with",
      [quantise, multiply(), cast, node("Mul", ["f", "x"], ["y"])],
      "has no stored scale",
    ],
    ["zero points of another type", [quantise, multiply("unsigned"), cast, ...scale], "1 zero points of type uint8"],
    [
      "zero points that are computed",
      [quantise, node("Abs", ["zero"], ["z"]), multiply("z"), cast, ...scale],
      "has a zero point that is computed",
    ],
  ])("refuses %s with the reason", async (_, nodes, reason) => {
    const { targets, skipped } = findTargets(await build(nodes));
    expect(targets).toEqual([]);
    expect(skipped).toEqual([{ name: "lm", reason: expect.stringContaining(reason) }]);
  });

  it("refuses another number of scales than 1 and the outputs", async () => {
    const three = [quantise, multiply(), cast, node("Mul", ["xs", "w3"], ["s"]), node("Mul", ["f", "s"], ["y"])];
    const { skipped } = findTargets(await build(three, float32("w3", [3], [1, 2, 3])));
    expect(skipped).toEqual([{ name: "lm", reason: expect.stringContaining("has 3 scales") }]);
  });
});
