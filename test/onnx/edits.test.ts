/** Edits that put inputs in the place of initializers, and let nodes read other values. Further edits: serialize.test.ts. */
import { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import { type ModelEdits, type OnnxModel, type OnnxNode, openModel, serializeModel } from "../../src/onnx/index.js";
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
