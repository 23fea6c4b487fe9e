import type { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import { findTargets } from "../../../src/graph/index.js";
import { float32, int8, node, uint8, value } from "../../helpers/model.js";
import { modelOf, valueNamed } from "../model-of.js";

const before = node("Relu", ["pixels"], ["h"]);
const quantise = (from = "h") => node("DynamicQuantizeLinear", [from], ["xq", "xs", "xz"]);
const convolve = (attributes = {}, from = "xq") =>
  node("ConvInteger", [from, "codes", "xz", "zero"], ["p"], attributes, { name: "/layers.0/conv/Conv_quant" });
const cast = node("Cast", ["p"], ["f"], { to: 1 });
const scale = [node("Mul", ["xs", "ws"], ["s"]), node("Mul", ["f", "s"], ["scaled"])];
/** The quantiser of ONNX Runtime adds the bias behind the scales. */
const bias = node("Add", ["scaled", "bias"], ["y"]);

const build = (nodes: readonly onnx.INodeProto[], scales: onnx.ITensorProto = float32("ws", [], [0.5])) =>
  modelOf({
    inputs: [value("pixels", [1, 4, 8, 8])],
    nodes,
    initializers: [
      uint8("codes", [6, 4, 3, 2], new Uint8Array(144)),
      uint8("zero", [], [128]),
      int8("signed", [], [3]),
      scales,
      float32("bias", [1, 6, 1, 1], new Float32Array(6)),
    ],
    outputs: [value("y", [1, null, null, null])],
  });

describe("ConvInteger", () => {
  it("is a Conv over codes, whose floats are those that DynamicQuantizeLinear reads", async () => {
    const model = await build([before, quantise(), convolve({ strides: [2, 1] }), cast, ...scale, bias]);
    const { targets, skipped } = findTargets(model);
    expect(skipped).toEqual([]);
    expect(targets).toMatchObject([
      {
        ...{ name: "layers.0.conv", form: "ConvInteger", shape: { out: 6, in: 24 }, order: "out-in" },
        coding: { kind: "affine", bits: 8, signed: false, rowGroup: 6, columnGroup: 24, rowElements: 24 },
        denseByDefault: null,
      },
    ]);
    expect(targets[0]?.uses).toMatchObject([{ activation: valueNamed(model.graph, "h"), window: { strides: [2, 1] } }]);
  });

  it("takes a scale for each output channel", async () => {
    const scales = float32("ws", [6, 1, 1], [1, 2, 3, 4, 5, 6]);
    const { targets } = findTargets(await build([before, quantise(), convolve(), cast, ...scale, bias], scales));
    expect(targets).toMatchObject([{ coding: { rowGroup: 1, columnGroup: 24 } }]);
  });

  it("stays dense by default where it reads what the model is given", async () => {
    const { targets } = findTargets(await build([quantise("pixels"), convolve(), cast, ...scale, bias]));
    expect(targets).toMatchObject([{ denseByDefault: 'stem: reads the input "pixels"' }]);
  });

  it.each<[string, readonly onnx.INodeProto[], string]>([
    ["groups", [before, quantise(), convolve({ group: 4 }), cast, ...scale, bias], "grouped convolution (group 4)"],
    [
      "another kernel than it says",
      [before, quantise(), convolve({ kernel_shape: [5, 5] }), cast, ...scale, bias],
      "do not fit",
    ],
    [
      "codes of unknown origin",
      [before, node("Cast", ["h"], ["cut"], { to: 2 }), quantise(), convolve({}, "cut"), cast, ...scale, bias],
      "no DynamicQuantizeLinear makes",
    ],
    [
      "products without a scale",
      [before, quantise(), convolve(), node("Cast", ["p"], ["y"], { to: 1 })],
      "no stored scale",
    ],
  ])("refuses %s with the reason", async (_, nodes, reason) => {
    const { targets, skipped } = findTargets(await build(nodes));
    expect(targets).toEqual([]);
    expect(skipped).toEqual([{ name: "layers.0.conv", reason: expect.stringContaining(reason) }]);
  });

  it("refuses another number of scales than 1 and the outputs", async () => {
    const scales = float32("ws", [3], [1, 2, 3]);
    const { skipped } = findTargets(await build([before, quantise(), convolve(), cast, ...scale, bias], scales));
    expect(skipped).toEqual([{ name: "layers.0.conv", reason: expect.stringContaining("has 3 scales") }]);
  });
});
