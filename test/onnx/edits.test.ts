/** Edits that put inputs in the place of initializers, let nodes read other values, and put nodes between others. Further edits: serialize.test.ts. */
import { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import {
  type ModelEdits,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  openModel,
  serializeModel,
} from "../../src/onnx/index.js";
import { mergeEdits } from "../../src/onnx/merge-edits.js";
import { openEdited } from "../../src/runtime/index.js";
import { float32, type ModelSpec, modelBytes, node, value } from "../helpers/model.js";
import { floats, testRuntime } from "../helpers/runtime.js";

const runtime = testRuntime();

/** y = (x · w) + b, doubled = y + y. The weight is long enough to be left in the file. */
const SPEC: ModelSpec = {
  inputs: [value("x", [1, 2])],
  nodes: [
    node("MatMul", ["x", "w"], ["h"]),
    node("Add", ["h", "b"], ["y"], {}, { name: "plus" }),
    node("Add", ["y", "y"], ["doubled"], {}, { name: "double" }),
  ],
  initializers: [
    float32("w", [2, 2000], new Float32Array(4000).fill(1)),
    float32("b", [2000], new Float32Array(2000).fill(0.5)),
  ],
  outputs: [value("y", [1, 2000]), value("doubled", [1, 2000])],
};

type EditsOf = (model: OnnxModel) => ModelEdits;

async function written(editsOf: EditsOf, input: Uint8Array<ArrayBuffer> | Blob = modelBytes(SPEC)) {
  const model = await openModel(input);
  return onnx.ModelProto.decode((await serializeModel(model, editsOf(model))).bytes).graph;
}

/** The first number of each output of the edited model. */
async function run(editsOf: EditsOf, feeds: Record<string, unknown> = {}): Promise<Record<string, number>> {
  const model = await openModel(modelBytes(SPEC));
  const session = await openEdited(runtime, model, editsOf(model), {});
  try {
    const outputs = await session.run({ x: floats(runtime, [1, 2], [1, 2]), ...feeds });
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, Number(data[0])]));
  } finally {
    await session.release();
  }
}

const nodeNamed = ({ graph }: OnnxModel, name: string) => graph.nodes.find((one) => one.name === name) as OnnxNode;

const weightAsInput: EditsOf = ({ graph }) => ({
  graphs: new Map([
    [
      graph,
      {
        keepInitializers: (name) => name !== "w",
        addInputs: [{ name: "w", elemType: 1, shape: [2, 2000] }],
      },
    ],
  ]),
});

describe("an initializer that is not kept", () => {
  it.each([
    ["bytes", (bytes: Uint8Array<ArrayBuffer>) => bytes],
    ["a file of which only the topology is read", (bytes: Uint8Array<ArrayBuffer>) => new Blob([bytes])],
  ])("is gone from %s, and the others stand as they were", async (_, from) => {
    const graph = await written(weightAsInput, from(modelBytes(SPEC)));
    expect(graph?.initializer?.map(({ name }) => name)).toEqual(["b"]);
    expect(graph?.initializer?.[0]?.rawData).toHaveLength(8000);
    expect(graph?.input?.map(({ name }) => name)).toEqual(["x", "w"]);
    expect(graph?.output?.map(({ name }) => name)).toEqual(["y", "doubled"]);
    expect(graph?.node).toHaveLength(3);
  });

  it("is fed instead", async () => {
    expect(await run(() => ({}))).toEqual({ y: 3.5, doubled: 7 });
    const w = floats(runtime, new Float32Array(4000).fill(2), [2, 2000]);
    expect(await run(weightAsInput, { w })).toEqual({ y: 6.5, doubled: 13 });
  });
});

describe("node inputs under another name", () => {
  it("are written where the node reads the value, however often, and in no other node", async () => {
    const graph = await written((model) => ({
      renameNodeInputs: new Map([[nodeNamed(model, "double"), new Map([["y", "z"]])]]),
    }));
    expect(graph?.node?.map(({ input }) => input)).toEqual([
      ["x", "w"],
      ["h", "b"],
      ["z", "z"],
    ]);
    expect(graph?.node?.map(({ output }) => output)).toEqual([["h"], ["y"], ["doubled"]]);
  });

  it("go together with new outputs of the same node, and with a node that makes the value", async () => {
    const graph = await written((model) => ({
      addNodeOutputs: new Map([[nodeNamed(model, "plus"), ["second"]]]),
      renameNodeInputs: new Map([[nodeNamed(model, "plus"), new Map([["b", "c"]])]]),
    }));
    expect(graph?.node?.[1]).toMatchObject({ input: ["h", "c"], output: ["y", "second"], name: "plus" });
    const cut: EditsOf = (model) => ({
      graphs: new Map([
        [
          model.graph,
          {
            addInputs: [{ name: "fed", elemType: 1, shape: [1, 2000] }],
            addNodes: [{ name: "neg", opType: "Neg", inputs: ["fed"], outputs: ["z"], attributes: [] }],
          },
        ],
      ]),
      renameNodeInputs: new Map([[nodeNamed(model, "double"), new Map([["y", "z"]])]]),
    });
    const fed = floats(runtime, new Float32Array(2000).fill(5), [1, 2000]);
    expect(await run(cut, { fed })).toEqual({ y: 3.5, doubled: -10 });
  });
});

describe("nodes inserted after another", () => {
  /** The Add makes "h/product"; what it made, with 1 more, is made right behind it. */
  const oneMore: EditsOf = (model) => ({
    graphs: new Map([
      [
        model.graph,
        {
          insertAfter: new Map([
            [nodeNamed(model, "plus"), [{ name: "more", opType: "Add", inputs: ["y/before", "one"], outputs: ["y"] }]],
          ]),
          addInitializers: [{ name: "one", dataType: 1, dims: [], bytes: new Uint8Array(Float32Array.of(1).buffer) }],
        },
      ],
    ]),
    renameNodeOutputs: new Map([[nodeNamed(model, "plus"), new Map([["y", "y/before"]])]]),
  });

  it("stand between it and its readers, which go on reading the old name", async () => {
    const graph = await written(oneMore);
    expect(graph?.node?.map(({ name, output }) => [name, output])).toEqual([
      ["MatMul_h", ["h"]],
      ["plus", ["y/before"]],
      ["more", ["y"]],
      ["double", ["doubled"]],
    ]);
    expect(await run(oneMore)).toEqual({ y: 4.5, doubled: 9 });
  });

  it("leave every other byte as it was", async () => {
    const bytes = modelBytes(SPEC);
    const model = await openModel(bytes);
    const plus = nodeNamed(model, "plus");
    const inserted = (
      await serializeModel(model, { graphs: new Map([[model.graph, { insertAfter: new Map([[plus, []]]) }]]) })
    ).bytes;
    expect(inserted).toEqual(bytes);
  });
});

describe("edits of one model by several hands", () => {
  const named = (name: string) => ({ name, opType: "Identity", inputs: ["y"], outputs: [name] });
  const adds =
    (name: string): EditsOf =>
    (model) => ({
      graphs: new Map([[model.graph, { addNodes: [named(name)], keepOutputs: (output) => output !== name }]]),
      renameNodeInputs: new Map([[nodeNamed(model, "double"), new Map([[name === "a" ? "y" : "x", name]])]]),
      metadata: { [name]: "1" },
    });

  it("are all made", async () => {
    const model = await openModel(modelBytes(SPEC));
    const merged = mergeEdits(adds("a")(model), adds("doubled")(model), {});
    const { graph, metadataProps } = onnx.ModelProto.decode((await serializeModel(model, merged)).bytes);
    expect(graph?.node?.slice(3).map(({ name }) => name)).toEqual(["a", "doubled"]);
    expect(graph?.node?.[2]?.input).toEqual(["a", "a"]);
    expect(graph?.output?.map(({ name }) => name)).toEqual(["y"]);
    expect(metadataProps?.map(({ key }) => key)).toEqual(["a", "doubled"]);
  });

  it("must not contradict each other", async () => {
    const model = await openModel(modelBytes(SPEC));
    const [tensor] = model.graph.initializers as [OnnxTensor];
    const values = { tensors: new Map([[tensor, { kind: "external", location: "f", offset: 0, length: 1 } as const]]) };
    expect(() => mergeEdits(values, values)).toThrow('two edits change values of tensor "w"');
    expect(() => mergeEdits(adds("a")(model), adds("a")(model))).toThrow('two edits change "y" of Add "double"');
  });
});
