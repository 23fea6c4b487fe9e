import { describe, expect, it } from "vitest";
import { findTargets } from "../../../src/graph/index.js";
import { bfloat16, constant, float16, int8, int32, node, value } from "../../helpers/model.js";
import { layerSpec, modelOf, valueNamed, zeros } from "../model-of.js";

const matMul = (weight: string) => node("MatMul", ["x", weight], ["y"]);
const transpose = (from: string, to: string) => node("Transpose", [from], [to], { perm: [1, 0] });
const cast = (from: string, to: string) => node("Cast", [from], [to], { to: 1 });
const identity = (from: string, to: string) => node("Identity", [from], [to]);

async function found(...spec: Parameters<typeof layerSpec>) {
  return findTargets(await modelOf(layerSpec(...spec)));
}

describe("matMul", () => {
  it("takes an initializer [in, out] as it is stored", async () => {
    const model = await modelOf(layerSpec([matMul("w")], zeros("w", 8, 4)));
    const { targets, skipped } = findTargets(model);
    expect(skipped).toEqual([]);
    expect(targets).toMatchObject([
      {
        name: "w",
        form: "MatMul",
        shape: { out: 4, in: 8 },
        order: "in-out",
        coding: { kind: "float", dtype: "float32" },
        layer: null,
      },
    ]);
    expect(targets[0]?.tensor).toBe(model.graph.onnx.initializers[0]);
    expect(targets[0]?.uses).toEqual([
      {
        node: model.graph.nodes[0],
        activation: valueNamed(model.graph, "x"),
        result: model.graph.nodes[0]?.outputs[0],
      },
    ]);
  });

  it.each([
    ["Transpose", [transpose("w", "t"), matMul("t")]],
    ["Transpose without perm", [node("Transpose", ["w"], ["t"]), matMul("t")]],
    ["Transpose, Cast, Identity", [transpose("w", "a"), cast("a", "b"), identity("b", "c"), matMul("c")]],
    ["Identity, Transpose, Cast", [identity("w", "a"), transpose("a", "b"), cast("b", "c"), matMul("c")]],
    ["Cast, Identity, Transpose", [cast("w", "a"), identity("a", "b"), transpose("b", "c"), matMul("c")]],
    ["three Transposes", [transpose("w", "a"), transpose("a", "b"), transpose("b", "c"), matMul("c")]],
  ])("walks back through %s to a weight stored [out, in]", async (_, nodes) => {
    const { targets } = await found(nodes, zeros("w", 4, 8));
    expect(targets).toMatchObject([{ shape: { out: 4, in: 8 }, order: "out-in", name: "w" }]);
  });

  it("finds storage order [in, out] again behind two Transposes", async () => {
    const { targets } = await found([transpose("w", "a"), transpose("a", "b"), matMul("b")], zeros("w", 8, 4));
    expect(targets).toMatchObject([{ shape: { out: 4, in: 8 }, order: "in-out" }]);
  });

  it.each([
    ["float16", float16("w", [8, 4], new Array(32).fill(0))],
    ["bfloat16", bfloat16("w", [8, 4], new Array(32).fill(0))],
  ])("gives the dtype of the initializer, %s, whatever it is cast to", async (dtype, tensor) => {
    expect((await found([cast("w", "c"), matMul("c")], tensor)).targets).toMatchObject([{ coding: { dtype } }]);
  });

  it("takes the tensor of a Constant node", async () => {
    const model = await modelOf(layerSpec([constant(zeros("w", 4, 8)), transpose("w", "t"), matMul("t")]));
    const { targets } = findTargets(model);
    expect(targets).toMatchObject([{ shape: { out: 4, in: 8 }, order: "out-in", name: "w" }]);
    expect(targets[0]?.tensor).toBe(model.graph.onnx.nodes[0]?.attributes[0]?.tensor);
  });

  it("takes [1, in, out] as [in, out], which MatMul broadcasts alike", async () => {
    expect((await found([matMul("w")], zeros("w", 1, 8, 4))).targets).toMatchObject([{ shape: { out: 4, in: 8 } }]);
  });

  it.each([
    ["a stack of experts", [matMul("w")], zeros("w", 3, 8, 4), "has shape [3, 8, 4], not two dimensions"],
    ["an empty weight", [matMul("w")], zeros("w", 8, 0), "is empty"],
    ["a single output", [matMul("w")], zeros("w", 8, 1), "is a vector: its shape is [8, 1]"],
    ["integers", [matMul("w")], int8("w", [8, 4], new Int8Array(32)), "holds int8 values"],
    [
      "integers that are cast",
      [cast("w", "c"), matMul("c")],
      int8("w", [8, 4], new Int8Array(32)),
      "holds int8 values",
    ],
    ["a weight on the left", [node("MatMul", ["w", "x"], ["y"])], zeros("w", 4, 8), "stands on the left"],
    ["a computed weight", [node("Neg", ["w"], ["c"]), matMul("c")], zeros("w", 8, 4), 'is computed by Neg from "w"'],
    [
      "codes whose scales are computed",
      [node("Neg", ["scale"], ["s"]), node("DequantizeLinear", ["w", "s"], ["c"]), transpose("c", "t"), matMul("t")],
      int8("w", [4, 8], new Int8Array(32)),
      "has scales or zero points that are computed",
    ],
    [
      "codes with another number of scales",
      [node("DequantizeLinear", ["w", "three"], ["c"], { axis: 0 }), transpose("c", "t"), matMul("t")],
      int8("w", [4, 8], new Int8Array(32)),
      "has 3 scales of type float32, where 1 or 4 floats are expected",
    ],
    [
      "codes that are transposed before they are dequantised in blocks",
      [transpose("w", "t"), node("DequantizeLinear", ["t", "blocks"], ["c"], { axis: 0, block_size: 4 }), matMul("c")],
      int8("w", [4, 8], new Int8Array(32)),
      "is transposed before it is dequantised in blocks",
    ],
    [
      "wide integers behind DequantizeLinear",
      [node("DequantizeLinear", ["w", "scale"], ["c"]), transpose("c", "t"), matMul("t")],
      int32("w", [4, 8], new Int32Array(32)),
      "holds int32 codes",
    ],
  ])("refuses %s with its reason", async (_, nodes, weight, reason) => {
    const { targets, skipped } = await found(
      nodes,
      weight,
      zeros("scale", 1),
      zeros("three", 3),
      zeros("blocks", 2, 4),
    );
    expect(targets).toEqual([]);
    expect(skipped).toEqual([{ name: "w", reason: expect.stringContaining(reason) }]);
  });

  it("refuses an initializer that is also a graph input, as files before IR 4 have them", async () => {
    const spec = layerSpec([matMul("w")], zeros("w", 8, 4));
    const inputs = [...(spec.inputs ?? []), value("w", [8, 4])];
    const { targets, skipped } = findTargets(await modelOf({ ...spec, inputs, irVersion: 3 }));
    expect(targets).toEqual([]);
    expect(skipped).toEqual([{ name: "w", reason: expect.stringContaining("can be overridden by an input") }]);
  });

  it.each([
    ["two activations", [node("MatMul", ["x", "x"], ["y"])]],
    ["two constants, such as rotary angles", [node("MatMul", ["w", "w"], ["a"]), node("Add", ["x", "a"], ["y"])]],
    [
      "a computed table and a constant",
      [node("Neg", ["w"], ["a"]), node("MatMul", ["a", "w"], ["b"]), node("Add", ["x", "b"], ["y"])],
    ],
    ["a vector", [node("MatMul", ["x", "vector"], ["y"])]],
    ["rotary frequencies on the left", [node("MatMul", ["frequencies", "x"], ["y"])]],
    ["an operator of another domain", [node("MatMul", ["x", "w"], ["y"], {}, { domain: "my.domain" })]],
  ])("ignores a product of %s", async (_, nodes) => {
    const initializers = [zeros("w", 8, 8), zeros("vector", 8), zeros("frequencies", 1, 8, 1)];
    expect(await found(nodes, ...initializers)).toEqual({ targets: [], skipped: [] });
  });
});
