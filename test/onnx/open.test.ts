import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { onnx } from "onnx-proto";
import { afterEach, describe, expect, it } from "vitest";
import { type ModelInput, type OnnxGraph, type OnnxModel, openModel, readTensor } from "../../src/onnx/index.js";
import { constant, float, float32, ifNode, int64, modelBytes, node, value } from "../helpers/model.js";
import { modelSpec } from "./arbitrary-model.js";
import { concat, delimited, scalar } from "./wire-bytes.js";

const AUSTEN = "models/austen-1.4m/onnx/model.onnx";
const opened: OnnxModel[] = [];

async function open(...input: Parameters<typeof openModel>): Promise<OnnxModel> {
  const model = await openModel(...input);
  opened.push(model);
  return model;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((model) => model.close()));
});

describe("openModel", () => {
  it("gives the model's own facts", async () => {
    const spec = { opset: 21, domains: { "com.microsoft": 1 }, irVersion: 10, metadata: { author: "test" } };
    const model = await open(modelBytes(spec), { name: "tiny.onnx" });
    expect(model).toMatchObject({ name: "tiny.onnx", irVersion: 10, producer: "test", functionCount: 0 });
    expect(model.opsetImports).toEqual([
      { domain: "", version: 21 },
      { domain: "com.microsoft", version: 1 },
    ]);
    expect(model.metadata).toEqual([{ key: "author", value: "test" }]);
  });

  it("gives nodes with attributes, inputs that are left out, and shapes with symbols", async () => {
    const { graph } = await open(
      modelBytes({
        inputs: [value("x", ["batch", 4, null])],
        nodes: [node("Clip", ["x", "", "max"], ["y"], { axis: -1, alpha: float(2), mode: "fast", axes: [1, -2] })],
      }),
    );
    expect(graph.inputs).toEqual([{ name: "x", elemType: 1, shape: ["batch", 4, null] }]);
    const clip = graph.nodes[0];
    expect(clip).toMatchObject({ opType: "Clip", inputs: ["x", "", "max"], outputs: ["y"], domain: "" });
    const values = clip?.attributes.map(({ name, i, f, s, ints }) => ({ name, i, f, s, ints }));
    expect(values).toEqual([
      { name: "axis", i: -1, f: null, s: null, ints: [] },
      { name: "alpha", i: null, f: 2, s: null, ints: [] },
      { name: "mode", i: null, f: null, s: "fast", ints: [] },
      { name: "axes", i: null, f: null, s: null, ints: [1, -2] },
    ]);
  });

  it("reads packed lists and attributes whose zero was left out", async () => {
    const packed = concat(delimited(1, "axes"), delimited(8, Uint8Array.of(1, 2, 3)), scalar(20, 7));
    const zero = concat(delimited(1, "axis"), scalar(20, 2));
    const clip = concat(delimited(4, "Clip"), delimited(5, packed), delimited(5, zero));
    const { graph } = await open(delimited(7, delimited(1, clip)));
    expect(graph.nodes[0]?.attributes).toMatchObject([{ ints: [1, 2, 3] }, { i: 0 }]);
  });

  it("agrees with onnx-proto on random models, from bytes and from a Blob", async () => {
    await fc.assert(
      fc.asyncProperty(modelSpec, fc.boolean(), async (spec, asBlob) => {
        const bytes = modelBytes(spec);
        const model = await open(asBlob ? new Blob([bytes]) : bytes);
        const oracle = onnx.ModelProto.decode(bytes);
        await expectSameGraph(model.graph, oracle.graph as onnx.IGraphProto);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it("agrees with onnx-proto on a real model, reading a small part of its file", async () => {
    const model = await open(AUSTEN);
    const oracle = onnx.ModelProto.decode(await readFile(AUSTEN));
    await expectSameGraph(model.graph, oracle.graph as onnx.IGraphProto);
    expect(model.topologyBytes).toBeLessThan(model.source.size / 10);
  });

  it("takes an ArrayBuffer", async () => {
    const bytes = modelBytes({ nodes: [node("Relu", ["x"], ["y"])] });
    const model = await open(bytes.buffer);
    expect(model.graph.nodes).toHaveLength(1);
  });

  it("finds tensors in Constant nodes and nested graphs", async () => {
    const inner = { nodes: [constant(int64("k", [2], [5, 6]))], initializers: [float32("w", [1], [7])] };
    const { graph } = await open(modelBytes({ nodes: [ifNode("c", ["o"], inner, {})] }));
    const then = graph.nodes[0]?.attributes[0]?.graph;
    expect(then?.name).toBe("then");
    expect(then?.initializers.map((tensor) => tensor.name)).toEqual(["w"]);
    const held = then?.nodes[0]?.attributes[0]?.tensor;
    expect(held && (await readTensor(held))).toEqual(new Uint8Array(BigInt64Array.of(5n, 6n).buffer));
  });

  it("names sparse initializers and counts functions without reading them", async () => {
    const sparse = concat(delimited(1, delimited(8, "s")), delimited(2, delimited(8, "indices")));
    const model = await open(concat(delimited(7, delimited(15, sparse)), delimited(25, delimited(1, "f"))));
    expect(model.graph.sparseInitializers).toEqual(["s"]);
    expect(model.functionCount).toBe(1);
  });

  it("leaves long strings alone and reads long attribute lists and metadata", async () => {
    const floats = Array.from({ length: 3000 }, (_, index) => index / 4);
    const bytes = onnx.ModelProto.encode({
      graph: {
        node: [
          {
            attribute: [
              { name: "blob", s: new Uint8Array(9000) },
              { name: "leaves", floats },
            ],
          },
        ],
      },
      metadataProps: [{ key: "names", value: "n".repeat(9000) }],
    }).finish();
    const model = await open(new Blob([bytes as Uint8Array<ArrayBuffer>]));
    expect(model.graph.nodes[0]?.attributes).toMatchObject([{ s: null }, { floats }]);
    expect(model.metadata[0]?.value).toHaveLength(9000);
  });
});

describe("openModel refuses", () => {
  const cases: readonly [what: string, input: ModelInput, code: string, message: RegExp][] = [
    ["a path that leads nowhere", "models/none.onnx", "not-found", /models\/none\.onnx: the file cannot be found/],
    ["a folder", "models", "not-found", /expected a file, found a folder/],
    ["an empty file", new Uint8Array(0), "bad-model", /there is no graph/],
    ["a bare graph", delimited(1, delimited(4, "Relu")), "bad-model", /bare graph \(GraphProto\)/],
    ["a Git LFS pointer", lfsPointer(), "bad-model", /git lfs pull/],
    ["a second main graph", concat(delimited(7, ""), delimited(7, "")), "bad-model", /second main graph/],
  ];
  it.each(cases)("%s", async (_, input, code, message) => {
    await expect(openModel(input)).rejects.toMatchObject({
      name: "PruneError",
      code,
      message: expect.stringMatching(message),
    });
  });
});

function lfsPointer(): Uint8Array {
  return new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
}

async function expectSameGraph(graph: OnnxGraph, oracle: onnx.IGraphProto): Promise<void> {
  expect(graph.name).toBe(oracle.name ?? "");
  expect(graph.nodes.map(({ name, opType, inputs, outputs }) => ({ name, opType, inputs, outputs }))).toEqual(
    (oracle.node ?? []).map(({ name, opType, input, output }) => ({ name, opType, inputs: input, outputs: output })),
  );
  for (const [index, node] of graph.nodes.entries()) {
    for (const [position, attribute] of node.attributes.entries()) {
      const expected = oracle.node?.[index]?.attribute?.[position] as onnx.AttributeProto;
      expect(attribute.name).toBe(expected.name);
      expect(attribute.ints).toEqual(expected.ints.map(Number));
      if (attribute.i !== null) expect(attribute.i).toBe(Number(expected.i));
      if (attribute.f !== null) expect(attribute.f).toBe(expected.f);
      if (attribute.tensor !== null) await expectSameTensor(attribute.tensor, expected.t as onnx.TensorProto);
      if (attribute.graph !== null) await expectSameGraph(attribute.graph, expected.g as onnx.GraphProto);
    }
  }
  expect(graph.initializers).toHaveLength(oracle.initializer?.length ?? 0);
  for (const [index, tensor] of graph.initializers.entries()) {
    await expectSameTensor(tensor, oracle.initializer?.[index] as onnx.TensorProto);
  }
  const names = (infos: readonly { name?: string | null }[] | null | undefined) =>
    (infos ?? []).map(({ name }) => name);
  expect(names(graph.inputs)).toEqual(names(oracle.input));
  expect(names(graph.outputs)).toEqual(names(oracle.output));
  expect(names(graph.valueInfo)).toEqual(names(oracle.valueInfo));
}

async function expectSameTensor(tensor: OnnxGraph["initializers"][number], oracle: onnx.TensorProto): Promise<void> {
  const { name, dataType, dims } = tensor;
  expect({ name, dataType, dims }).toEqual({
    name: oracle.name,
    dataType: oracle.dataType,
    dims: oracle.dims.map(Number),
  });
  const { buffer, byteOffset, byteLength } = await readTensor(tensor);
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  if (oracle.rawData.length > 0) expect(Buffer.compare(bytes, oracle.rawData)).toBe(0);
  else if (oracle.floatData.length > 0)
    expect(bytes).toEqual(new Uint8Array(Float32Array.from(oracle.floatData).buffer));
  else if (oracle.int32Data.length > 0)
    expect(bytes).toEqual(new Uint8Array(Uint16Array.from(oracle.int32Data).buffer));
  else expect(bytes).toEqual(new Uint8Array(BigInt64Array.from(oracle.int64Data.map((n) => BigInt(String(n)))).buffer));
}
