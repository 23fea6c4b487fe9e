import type { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import { findTargets } from "../../../src/graph/index.js";
import { int8, node, value } from "../../helpers/model.js";
import { modelOf, valueNamed, zeros } from "../model-of.js";

const conv = (attributes = {}, from = "h", weight = "w") =>
  node("Conv", [from, weight], ["y"], attributes, { name: "/layers.0/conv/Conv" });

const build = (nodes: readonly onnx.INodeProto[], ...weights: readonly onnx.ITensorProto[]) =>
  modelOf({
    inputs: [value("pixels", [1, 4, 8, 8])],
    nodes,
    initializers: weights,
    outputs: [value("y", [1, null, null, null])],
  });

const before = node("Relu", ["pixels"], ["h"]);

describe("Conv", () => {
  it("is a linear layer over channels × kernel, stored [out, in], with the window it moves", async () => {
    const model = await build([before, conv({ strides: [2, 1], pads: [1, 0, 1, 0] })], zeros("w", 6, 4, 3, 2));
    const { targets, skipped } = findTargets(model);
    expect(skipped).toEqual([]);
    expect(targets).toMatchObject([
      { name: "layers.0.conv", form: "Conv", shape: { out: 6, in: 24 }, order: "out-in", denseByDefault: null },
    ]);
    expect(targets[0]?.uses).toEqual([
      {
        node: model.graph.nodes[1],
        activation: valueNamed(model.graph, "h"),
        result: model.graph.nodes[1]?.outputs[0],
        window: { kernel: [3, 2], strides: [2, 1], dilations: [1, 1], pads: [1, 0, 1, 0], autoPad: "" },
      },
    ]);
  });

  it("stays dense by default where it reads what the model is given, padded or cut as well", async () => {
    const scaled = [
      node("Slice", ["pixels", "range"], ["cut"]),
      node("Pad", ["cut", "range"], ["padded"]),
      node("Concat", ["padded", "cut"], ["whole"], { axis: 1 }),
      node("Div", ["whole", "range"], ["h"]),
      conv(),
    ];
    expect(findTargets(await build(scaled, zeros("w", 6, 4, 1, 1), zeros("range", 1))).targets).toMatchObject([
      { denseByDefault: 'stem: reads the input "pixels"' },
    ]);
  });

  it.each<[string, object, onnx.ITensorProto, string]>([
    ["a depthwise convolution", { group: 4 }, zeros("w", 4, 1, 3, 3), "a depthwise convolution (group 4)"],
    ["a grouped convolution", { group: 2 }, zeros("w", 6, 2, 3, 3), "a grouped convolution (group 2)"],
    ["codes", {}, int8("w", [6, 4, 1, 1], new Int8Array(24)), "holds int8 values"],
    ["a single output", {}, zeros("w", 1, 4, 3, 3), "is a vector: its shape is [1, 4, 3, 3]"],
    ["another kernel than it says", { kernel_shape: [5, 5] }, zeros("w", 6, 4, 3, 3), "do not fit its shape"],
    ["a kernel of any size", {}, zeros("w", 2, 4, 33, 32), "more than 1024 places"],
    ["too few strides", { strides: [2] }, zeros("w", 6, 4, 3, 3), "do not fit its shape"],
  ])("refuses %s with the reason", async (_, attributes, weight, reason) => {
    const { targets, skipped } = findTargets(await build([before, conv(attributes)], weight));
    expect(targets).toEqual([]);
    expect(skipped).toEqual([{ name: "layers.0.conv", reason: expect.stringContaining(reason) }]);
  });

  it("ignores kernels that are computed as the model runs", async () => {
    expect(findTargets(await build([before, conv({}, "h", "h")]))).toEqual({ targets: [], skipped: [] });
  });
});
