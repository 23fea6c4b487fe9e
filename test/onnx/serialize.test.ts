import fc from "fast-check";
import { onnx } from "onnx-proto";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import {
  type ModelEdits,
  type NewNode,
  type OnnxGraph,
  type OnnxTensor,
  openModel,
  readTensor,
  serializeModel,
  type TensorEdit,
} from "../../src/onnx/index.js";
import {
  bfloat16,
  bytesOf,
  constant,
  external,
  float32,
  ifNode,
  int64,
  modelBytes,
  node,
  uint8,
  value,
} from "../helpers/model.js";
import { modelSpec } from "./arbitrary-model.js";
import { concat, delimited, scalar, sprinkle, varint } from "./wire-bytes.js";

const floats = (...numbers: number[]) => bytesOf(Float32Array.from(numbers));

function bytesEdit(bytes: Uint8Array): TensorEdit {
  return { kind: "bytes", byteLength: bytes.length, bytes: () => bytes };
}

/** Opens bytes, applies edits and decodes the result with onnx-proto. */
async function edited(bytes: Uint8Array, edits: (graph: OnnxGraph) => ModelEdits): Promise<onnx.ModelProto> {
  const model = await openModel(bytes);
  return onnx.ModelProto.decode((await serializeModel(model, edits(model.graph))).bytes);
}

/** Random fields with numbers that no ONNX message has. */
const unknownFields = fc.array(
  fc.oneof(
    fc.tuple(fc.integer({ min: 500, max: 600 }), fc.nat()).map(([field, number]) => scalar(field, number)),
    fc.tuple(fc.integer({ min: 700, max: 70_000 }), fc.uint8Array({ maxLength: 6 })).map(([f, b]) => delimited(f, b)),
    fc.integer({ min: 80, max: 90 }).map((field) => concat(varint(field * 8 + 1), new Uint8Array(8))),
  ),
  { minLength: 1, maxLength: 20 },
);

describe("serializeModel", () => {
  it("writes an untouched model byte for byte, unknown fields at every level included", async () => {
    const property = fc.asyncProperty(modelSpec, unknownFields, fc.boolean(), async (spec, unknown, asBlob) => {
      let next = 0;
      const bytes = sprinkle(modelBytes(spec), () => unknown[next++ % unknown.length] as Uint8Array);
      const model = await openModel(asBlob ? new Blob([new Uint8Array(bytes)]) : bytes);
      expect((await serializeModel(model, {})).bytes).toEqual(new Uint8Array(bytes));
    });
    await fc.assert(property, { seed: 4, numRuns: 60 });
  });

  it("changes nothing around values that are replaced by themselves", async () => {
    const property = fc.asyncProperty(modelSpec, unknownFields, fc.boolean(), async (spec, unknown, asBlob) => {
      let next = 0;
      const bytes = sprinkle(modelBytes(spec), () => unknown[next++ % unknown.length] as Uint8Array);
      const model = await openModel(asBlob ? new Blob([new Uint8Array(bytes)]) : bytes);
      const tensors = new Map<OnnxTensor, TensorEdit>();
      for (const tensor of tensorsOf(model.graph)) {
        if (tensor.data.kind === "raw") tensors.set(tensor, bytesEdit(await readTensor(tensor)));
      }
      const metadata = Object.fromEntries(model.metadata.map(({ key, value }) => [key, value]));
      expect((await serializeModel(model, { tensors, metadata })).bytes).toEqual(new Uint8Array(bytes));
    });
    await fc.assert(property, { seed: 5, numRuns: 60 });
  });

  it("keeps lengths and tags that are written longer than they need to be", async () => {
    const overlong = (field: number, content: Uint8Array) =>
      concat(
        varint(field * 8 + 2),
        Uint8Array.of((content.length & 127) | 128, (content.length >> 7) | 128, 0),
        content,
      );
    const bytes = overlong(7, overlong(1, delimited(4, "Relu")));
    expect((await serializeModel(await openModel(bytes), {})).bytes).toEqual(bytes);
  });

  it("puts new values in place of raw_data, typed lists and external references", async () => {
    const initializers = [
      float32("raw", [2], [1, 2]),
      bfloat16("typed", [2], [1, 2], "typed"),
      external(float32("outside", [2], []), "w.bin"),
      float32("untouched", [2], [8, 9], "typed"),
    ];
    const externalData = [{ path: "w.bin", data: new Uint8Array(8) }];
    const model = await openModel(modelBytes({ initializers }), { externalData });
    const [raw, typed, outside] = model.graph.initializers as [OnnxTensor, OnnxTensor, OnnxTensor];
    const tensors = new Map([
      [raw, bytesEdit(floats(3, 4))],
      [typed, bytesEdit(Uint8Array.of(1, 2, 3, 4))],
      [outside, bytesEdit(floats(5, 6))],
    ]);
    const written = await serializeModel(model, { tensors });
    expect(written.externalLocations).toEqual([]);
    const again = (await openModel(written.bytes)).graph.initializers;
    expect(again.map(({ name, dataType, dims, data }) => [name, dataType, dims, data.kind])).toEqual([
      ["raw", 1, [2], "raw"],
      ["typed", 16, [2], "raw"],
      ["outside", 1, [2], "raw"],
      ["untouched", 1, [2], "typed"],
    ]);
    const values = await Promise.all(again.map(readTensor));
    expect(values).toEqual([floats(3, 4), Uint8Array.of(1, 2, 3, 4), floats(5, 6), floats(8, 9)]);
  });

  it("replaces values in attributes and nested graphs, with new lengths all the way up", async () => {
    const inner = {
      nodes: [constant(float32("k", [2], [1, 2], "typed"))],
      initializers: [uint8("w", [200], new Uint8Array(200))],
    };
    const { graph } = await edited(modelBytes({ nodes: [ifNode("c", ["o"], inner, {})] }), (graph) => {
      const then = graph.nodes[0]?.attributes[0]?.graph as OnnxGraph;
      const held = then.nodes[0]?.attributes[0]?.tensor as OnnxTensor;
      const weight = then.initializers[0] as OnnxTensor;
      const reference: TensorEdit = { kind: "external", location: "m.onnx", offset: 4096, length: 200 };
      return {
        tensors: new Map<OnnxTensor, TensorEdit>([
          [held, bytesEdit(floats(3, 4))],
          [weight, reference],
        ]),
      };
    });
    const then = graph?.node?.[0]?.attribute?.[0]?.g;
    expect(new Uint8Array(then?.node?.[0]?.attribute?.[0]?.t?.rawData ?? [])).toEqual(floats(3, 4));
    const weight = then?.initializer?.[0];
    expect(weight?.rawData).toHaveLength(0);
    expect(weight?.dataLocation).toBe(onnx.TensorProto.DataLocation.EXTERNAL);
    expect(weight?.externalData?.map(({ key, value }) => `${key}=${value}`)).toEqual([
      "location=m.onnx",
      "offset=4096",
      "length=200",
    ]);
  });

  it("adds nodes, initializers, inputs and outputs, and drops outputs", async () => {
    const bytes = modelBytes({
      nodes: [node("Relu", ["x"], ["y"])],
      inputs: [value("x", [2])],
      outputs: [value("y", [2]), value("z", [2])],
    });
    const attributes: NewNode["attributes"] = [
      { name: "axis", kind: "int", value: -1 },
      { name: "axes", kind: "ints", value: [0, -2] },
      { name: "alpha", kind: "float", value: 0.5 },
      { name: "mode", kind: "string", value: "é" },
    ];
    const { graph } = await edited(bytes, (graph) => ({
      graphs: new Map([
        [
          graph,
          {
            addNodes: [{ name: "tap", opType: "Tap", domain: "test", inputs: ["y"], outputs: ["t"], attributes }],
            addInitializers: [{ name: "k", dataType: 7, dims: [1], bytes: bytesOf(BigInt64Array.of(5n)) }],
            addInputs: [{ name: "mask", elemType: 9, shape: ["batch", null, 3] }],
            addOutputs: [{ name: "t", elemType: 1, shape: [] }],
            keepOutputs: (name) => name === "y",
          },
        ],
      ]),
    }));
    expect(graph?.node?.map(({ opType }) => opType)).toEqual(["Relu", "Tap"]);
    const expected = node(
      "Tap",
      ["y"],
      ["t"],
      { axis: -1, axes: [0, -2], alpha: 0.5, mode: "é" },
      { name: "tap", domain: "test" },
    );
    expect(plain(graph?.node?.[1])).toEqual(plain(onnx.NodeProto.fromObject(expected)));
    expect(plain(graph?.initializer?.[0])).toEqual(plain(onnx.TensorProto.fromObject(int64("k", [1], [5]))));
    expect(graph?.output?.map(({ name }) => name)).toEqual(["y", "t"]);
    expect(plain(graph?.input?.[1])).toEqual(
      plain(onnx.ValueInfoProto.fromObject(value("mask", ["batch", null, 3], 9))),
    );
  });

  it("appends outputs to a node and sets metadata", async () => {
    const bytes = modelBytes({ nodes: [ifNode("c", ["o"], {}, {})], metadata: { kept: "1", changed: "2" } });
    const proto = await edited(bytes, (graph) => ({
      addNodeOutputs: new Map([[graph.nodes[0] as OnnxGraph["nodes"][0], ["p", "q"]]]),
      metadata: { changed: "3", added: "4" },
    }));
    expect(proto.graph?.node?.[0]?.output).toEqual(["o", "p", "q"]);
    const entries = proto.metadataProps.map(({ key, value }) => `${key}=${value}`);
    expect(entries).toEqual(["kept=1", "changed=3", "added=4"]);
  });

  it("gives bytes that ONNX Runtime runs with a tap in them", async () => {
    const bytes = modelBytes({
      inputs: [value("x", ["n", 2])],
      nodes: [node("MatMul", ["x", "w"], ["y"])],
      initializers: [float32("w", [2, 1], [1, 1])],
      outputs: [value("y", ["n", 1])],
    });
    const model = await openModel(bytes);
    const tap = { name: "tap", opType: "ReduceSumSquare", inputs: ["x", "axes"], outputs: ["norms"] };
    const edit = {
      addNodes: [tap],
      addInitializers: [{ name: "axes", dataType: 7, dims: [1], bytes: bytesOf(BigInt64Array.of(0n)) }],
      addOutputs: [{ name: "norms", elemType: 1, shape: [1, 2] }],
    };
    const tensors = new Map([[model.graph.initializers[0] as OnnxTensor, bytesEdit(floats(10, 100))]]);
    const written = await serializeModel(model, { tensors, graphs: new Map([[model.graph, edit]]) });
    const session = await ort.InferenceSession.create(written.bytes);
    const { y, norms } = await session.run({ x: new ort.Tensor("float32", [1, 2, 3, 4], [2, 2]) });
    expect([y?.data, norms?.data]).toEqual([Float32Array.of(210, 430), Float32Array.of(10, 20)]);
    await session.release();
  });

  it("names the external files that are still needed", async () => {
    const initializers = [external(float32("a", [1], []), "a.bin"), float32("b", [1], [1])];
    const externalData = [{ path: "a.bin", data: new Uint8Array(4) }];
    const model = await openModel(modelBytes({ initializers }), { externalData });
    const b = model.graph.initializers[1] as OnnxTensor;
    const tensors = new Map<OnnxTensor, TensorEdit>([
      [b, { kind: "external", location: "m.onnx", offset: 0, length: 4 }],
    ]);
    expect((await serializeModel(model, { tensors })).externalLocations).toEqual(["a.bin", "m.onnx"]);
  });

  it("refuses values of another length than the tensor, announced or delivered", async () => {
    const model = await openModel(modelBytes({ initializers: [float32("w", [2], [1, 2])] }));
    const tensor = model.graph.initializers[0] as OnnxTensor;
    for (const edit of [
      bytesEdit(new Uint8Array(7)),
      { ...bytesEdit(new Uint8Array(8)), bytes: () => new Uint8Array(9) },
    ]) {
      await expect(serializeModel(model, { tensors: new Map([[tensor, edit]]) })).rejects.toMatchObject({
        code: "bad-model",
        details: { tensor: "w", expected: 8 },
      });
    }
  });

  it("refuses to make 2 GiB before it asks for any values", async () => {
    const model = await openModel(modelBytes({ initializers: [{ name: "w", dataType: 1, dims: [2 ** 29] }] }));
    const edit: TensorEdit = { kind: "bytes", byteLength: 2 ** 31, bytes: () => expect.fail("was asked") };
    const tensors = new Map([[model.graph.initializers[0] as OnnxTensor, edit]]);
    await expect(serializeModel(model, { tensors })).rejects.toMatchObject({ code: "unsupported" });
  });

  it("refuses edits of another model's objects", async () => {
    const bytes = modelBytes({ initializers: [float32("w", [1], [1])] });
    const [one, other] = [await openModel(bytes), await openModel(bytes)];
    const tensors = new Map([[other.graph.initializers[0] as OnnxTensor, bytesEdit(floats(2))]]);
    await expect(serializeModel(one, { tensors })).rejects.toThrow(TypeError);
  });
});

/** Every tensor of a graph: initializers, attributes, nested graphs. */
function tensorsOf(graph: OnnxGraph): OnnxTensor[] {
  const attributes = graph.nodes.flatMap((node) => node.attributes);
  const held = attributes.flatMap(({ tensor }) => (tensor === null ? [] : [tensor]));
  const nested = attributes.flatMap((attribute) => (attribute.graph === null ? [] : tensorsOf(attribute.graph)));
  return [...graph.initializers, ...held, ...nested];
}

/** A protobufjs message without its prototype and long integers, to compare. */
function plain(message: unknown): unknown {
  return JSON.parse(JSON.stringify(message));
}
