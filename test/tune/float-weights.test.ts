import { expect, it } from "vitest";
import { buildModel, findTargets } from "../../src/graph/index.js";
import { openModel } from "../../src/onnx/index.js";
import { refuseCodes } from "../../src/tune/float-weights.js";
import { float32, int8, modelBytes, node, value } from "../helpers/model.js";

const targetsOf = async (way: readonly ReturnType<typeof node>[]) => {
  const bytes = modelBytes({
    inputs: [value("x", ["tokens", 8])],
    nodes: [...way, node("MatMul", ["x", "w"], ["y"], {}, { name: "/layers.0/fc1/MatMul" })],
    initializers: [
      ...(way.length > 0 ? [int8("codes", [8, 4], new Int8Array(32))] : [float32("w", [8, 4], new Float32Array(32))]),
      float32("scale", [], [1]),
    ],
    outputs: [value("y", ["tokens", 4])],
  });
  return findTargets(buildModel(await openModel(bytes))).targets;
};

it("the tuner refuses quantised weights by name, and points to the float file", async () => {
  refuseCodes(await targetsOf([]), "model.onnx");
  const quantised = await targetsOf([node("DequantizeLinear", ["codes", "scale"], ["w"])]);
  expect(() => refuseCodes(quantised, "model_quantized.onnx")).toThrow(
    /model_quantized\.onnx: weight "layers\.0\.fc1" is stored as int8; .* fp32 or fp16 file/,
  );
});
