import { expect, it } from "vitest";
import { buildModel } from "../../src/graph/index.js";
import { openModel } from "../../src/onnx/index.js";
import { parametersOf } from "../../src/prune/index.js";
import { bfloat16, constant, float16, float32, ifNode, int64, modelBytes, node, value } from "../helpers/model.js";

it("parameters are all float tensors with an axis, those of nested graphs and of Constant nodes included", async () => {
  const branch = (name: string) => ({
    nodes: [node("MatMul", ["x", name], [`y_${name}`])],
    initializers: [float32(name, [4, 5], new Float32Array(20))],
    outputs: [value(`y_${name}`, [1, 5])],
  });
  const model = await openModel(
    modelBytes({
      inputs: [value("x", [1, 4]), value("c", [1], 9)],
      nodes: [
        constant(float32("stored", [2, 3], new Float32Array(6))),
        constant(float32("epsilon", [1], [1e-5])),
        ifNode("c", ["y"], branch("w1"), branch("w2")),
      ],
      initializers: [
        float16("half", [3], [1, 2, 3]),
        bfloat16("brain", [2, 2], [1, 2, 3, 4]),
        float32("scalar", [], [1]),
        int64("shape", [2], [1, 4]),
      ],
      outputs: [value("y", [1, 5])],
    }),
  );
  expect(parametersOf(buildModel(model))).toBe(20 + 20 + 3 + 4 + 6);
});
